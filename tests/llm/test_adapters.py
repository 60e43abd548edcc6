from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from gguf import GGUFValueType, GGUFWriter

from ragent.config import LLMSettings
from ragent.errors import LLMError, ModelNotFound
from ragent.llm.control_vectors import ControlVector, read_control_vector, save_control_vector
from ragent.llm.models import DEFAULT_MODEL, resolve_model
from ragent.types import Message, Sampling

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp

ASK = [Message("user", "The ferry costs four euros, the kiosk sells rope. What does the ferry cost?")]
SIZE = 576
Ones = Mapping[Path, float]


def lora(
    path: Path, seed: int, *, size: int = SIZE, kind: str = "lora", invoked_by: tuple[int, ...] = ()
) -> Path:
    """An adapter of two layers' attention outputs, with random numbers."""
    random = np.random.default_rng(seed)
    writer = GGUFWriter(path, "llama")
    writer.add_string("general.type", "adapter")
    writer.add_string("adapter.type", kind)
    rank = 2
    writer.add_float32("adapter.lora.alpha", float(rank))
    if invoked_by:
        kinds = GGUFValueType.ARRAY, GGUFValueType.UINT32
        writer.add_key_value("adapter.alora.invocation_tokens", list(invoked_by), *kinds)
    for layer in (3, 20):
        name = f"blk.{layer}.attn_output.weight"
        writer.add_tensor(f"{name}.lora_a", random.normal(0, 0.1, (rank, size)).astype(np.float32))
        writer.add_tensor(f"{name}.lora_b", random.normal(0, 0.1, (size, rank)).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def opened(folder: Path | None = None, **settings: object) -> LlamaCpp:
    from ragent.llm.llamacpp import open_llamacpp

    wanted = {"n_ctx": 256, "threads": 1, "cache_mb": 0, **settings}
    return open_llamacpp(LLMSettings(**wanted), folder)  # type: ignore[arg-type]


def likelihood(loras: Ones = {}, vectors: Ones = {}, **settings: int) -> float:  # noqa: B006
    named = [{str(path): scale for path, scale in ones.items()} for ones in (loras, vectors)]
    model = opened(loras=named[0], control_vectors=named[1], **settings)
    return model.log_likelihoods(ASK, ["It costs four euros."])[0]


@pytest.fixture(scope="module")
def base() -> float:
    return likelihood()


def test_a_lora_counts_as_much_as_its_scale(tmp_path: Path, base: float) -> None:
    one, again = lora(tmp_path / "one.gguf", 1), lora(tmp_path / "again.gguf", 1)
    whole = likelihood({one: 1.0})
    assert likelihood({one: 0.0}) == base
    assert whole != pytest.approx(base, abs=0.01)
    assert likelihood({one: 0.5, again: 0.5}) == pytest.approx(whole, abs=1e-3)
    assert likelihood({one: 1.0, again: -1.0}) == pytest.approx(base, abs=1e-3)


def test_what_is_generated_changes_too(tmp_path: Path) -> None:
    wild = lora(tmp_path / "wild.gguf", 2)

    def text(**settings: object) -> str:
        return "".join(delta.text for delta in opened(**settings).stream(ASK, Sampling(max_tokens=6)))

    assert text(loras={str(wild): 300.0}) != text()


def test_an_adapter_can_lie_among_the_models(tmp_path: Path, base: float) -> None:
    lora(tmp_path / "tone.gguf", 1)
    for name in ("tone", "tone.gguf"):
        changed = opened(tmp_path, disk_cache_mb=0, loras={name: 1.0})
        assert changed.log_likelihoods(ASK, ["It costs four euros."]) != [base]


def cut(path: Path) -> Path:
    path.write_bytes(path.read_bytes()[:-100])
    return path


@pytest.mark.parametrize("setting", ["loras", "control_vectors"])
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda folder: folder / "absent.gguf", ModelNotFound, "no adapter"),
        (lambda folder: cut(lora(folder / "short.gguf", 1)), LLMError, "cut short"),
        (lambda _: resolve_model(DEFAULT_MODEL), LLMError, "is no (LoRA adapter|control vector)"),
    ],
)
def test_files_that_are_no_adapters(
    tmp_path: Path, setting: str, make: Callable[[Path], Path], error: type[LLMError], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        opened(**{setting: {str(make(tmp_path)): 1.0}})
    assert raised.value.hint


def test_a_lora_of_another_model_or_kind(tmp_path: Path) -> None:
    with pytest.raises(LLMError, match="onto this model") as raised:
        opened(loras={str(lora(tmp_path / "large.gguf", 1, size=640)): 1.0})
    assert "very model" in raised.value.hint
    with pytest.raises(LLMError, match="activated"):
        opened(loras={str(lora(tmp_path / "later.gguf", 1, invoked_by=(5, 6))): 1.0})
    with pytest.raises(LLMError, match="is no LoRA"):
        opened(loras={str(lora(tmp_path / "ia3.gguf", 1, kind="ia3")): 1.0})


def vector(path: Path, *, layers: tuple[int, ...] = (1, 5, 29), size: int = SIZE) -> Path:
    random = np.random.default_rng(7)
    directions = {layer: random.normal(0, 0.5, size).astype(np.float32) for layer in layers}
    save_control_vector(path, ControlVector(directions, "test"))
    return path


def test_a_control_vector_counts_as_much_as_its_strength(tmp_path: Path, base: float) -> None:
    one, again = vector(tmp_path / "one.gguf"), vector(tmp_path / "again.gguf")
    assert likelihood(vectors={one: 0.0}) == base
    whole = likelihood(vectors={one: 1.0})
    assert whole != pytest.approx(base, abs=0.01)
    assert likelihood(vectors={one: 0.5, again: 0.5}) == pytest.approx(whole, abs=1e-3)


def test_control_vectors_keep_to_their_layers(tmp_path: Path, base: float) -> None:
    one = vector(tmp_path / "one.gguf")
    early = vector(tmp_path / "early.gguf", layers=(1, 5))
    assert likelihood(vectors={one: 1.0}, control_first_layer=6, control_last_layer=28) == base
    assert likelihood(vectors={one: 1.0}, control_last_layer=7) == likelihood(vectors={early: 1.0})


def test_a_control_vector_of_another_model(tmp_path: Path) -> None:
    for path in (vector(tmp_path / "a.gguf", size=640), vector(tmp_path / "b.gguf", layers=(1, 30))):
        with pytest.raises(LLMError, match="another model"):
            opened(control_vectors={str(path): 1.0})


def test_a_control_vector_is_read_as_it_was_written(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    written = {layer: random.normal(0, 1, 9).astype(np.float32) for layer in (2, 11, 1)}
    save_control_vector(tmp_path / "v.gguf", ControlVector(written, "smol"))
    read = read_control_vector(tmp_path / "v.gguf")
    assert read.model == "smol"
    assert {layer: list(one) for layer, one in read.directions.items()} == {
        layer: list(one) for layer, one in written.items()
    }


def test_other_tools_read_our_control_vectors(tmp_path: Path) -> None:
    from gguf import GGUFReader

    reader = GGUFReader(vector(tmp_path / "v.gguf"))
    assert bytes(reader.fields["general.architecture"].parts[-1]) == b"controlvector"
    assert {tensor.name: tensor.n_elements for tensor in reader.tensors} == {
        f"direction.{layer}": SIZE for layer in (1, 5, 29)
    }
    (first, *_) = (tensor.data for tensor in reader.tensors if tensor.name == "direction.1")
    assert (first == read_control_vector(tmp_path / "v.gguf").directions[1]).all()


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({"direction.0": np.ones(4, np.float32)}, "a tensor 'direction.0'"),
        ({"other": np.ones(4, np.float32)}, "a tensor 'other'"),
        ({"direction.1": np.ones((2, 4), np.float32)}, "can be read"),
        ({"direction.1": np.ones(4, np.int8)}, "can be read"),
        ({"direction.1": np.full(4, np.nan, np.float32)}, "damaged"),
        ({"direction.1": np.ones(4, np.float32), "direction.2": np.ones(5, np.float32)}, "2 sizes"),
        ({}, "0 sizes"),
    ],
)
def test_control_vectors_that_are_none(tmp_path: Path, tensors: dict[str, np.ndarray], message: str) -> None:
    writer = GGUFWriter(tmp_path / "v.gguf", "controlvector")
    for name, data in tensors.items():
        writer.add_tensor(name, data)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    with pytest.raises(LLMError, match=message):
        read_control_vector(tmp_path / "v.gguf")


def test_a_control_vector_that_claims_to_be_huge(tmp_path: Path) -> None:
    path = vector(tmp_path / "v.gguf", layers=(1,), size=64)
    data = path.read_bytes()
    claimed = struct.pack("<IQI", 1, 64, 0)
    for shape, kind in ((1 << 62, 99), (1 << 62, 0)):
        path.write_bytes(data.replace(claimed, struct.pack("<IQI", 1, shape, kind)))
        with pytest.raises(LLMError, match=r"can be read|cut short"):
            read_control_vector(path)


def test_half_numbers_are_read(tmp_path: Path) -> None:
    writer = GGUFWriter(tmp_path / "v.gguf", "controlvector")
    writer.add_tensor("direction.3", np.array([0.5, -2.0], np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    assert list(read_control_vector(tmp_path / "v.gguf").directions[3]) == [0.5, -2.0]


def test_what_another_adapter_read_is_not_reused(tmp_path: Path) -> None:
    folder = tmp_path / "models"
    folder.mkdir()
    one = lora(folder / "one.gguf", 1)
    ask = [Message("user", "The harbour office opens at seven. " * 18 + "When does it open?")]

    def reused(**settings: object) -> int:
        model = opened(folder, **settings)
        *_, last = model.stream(ask, Sampling(max_tokens=2))
        model.close()
        assert last.usage
        return last.usage.reused_tokens

    kinds: list[dict[str, object]] = [
        {},
        {"loras": {"one": 1.0}},
        {"loras": {"one": 0.5}},
        {"control_vectors": {str(vector(folder / "v.gguf")): 1.0}},
    ]
    assert [reused(**kind) for kind in kinds] == [0, 0, 0, 0]
    assert min(reused(**kind) for kind in kinds) > 100
    one.unlink()
    lora(one, 3)
    assert reused(**kinds[1]) == 0
