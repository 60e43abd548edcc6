"""Fetches whole repositories of the Hugging Face hub: sentence-transformers models, by their names there."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import httpx

from ragent.errors import LLMError, ModelNotFound
from ragent.llm.download import refuse_unless_room, sha256_of
from ragent.llm.known import hub

# Weights as safetensors only: the other formats can hold code. The same model in other engines' formats
# lies in folders of its own.
_ENDINGS = {".json", ".txt", ".model", ".safetensors", ".md"}
_OTHER_ENGINES = {"onnx", "openvino"}


def download_repository(name: str, folder: Path) -> Path:
    """Fetch `organisation/model` into `folder/model`, or go on with it; what is there is left as it is.

    Each file of weights is checked against the hub's checksum; the folder gets its name when all are there.

    Raises:
        ModelNotFound: there is no such repository.
        LLMError: it holds no safetensors, the hub can't be reached or refuses, the disk is too small, or a
            checksum is wrong.
    """
    target = folder / name.rpartition("/")[2]
    if target.exists():
        return target
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    import huggingface_hub as library
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    try:
        info = library.HfApi(endpoint=hub()).model_info(name, files_metadata=True)
        files = _chosen(name, info.siblings or [])
        return _fetch(library, name, info.sha or "main", files, target)
    except (HfHubHTTPError, OfflineModeIsEnabled, httpx.HTTPError, OSError) as error:
        if isinstance(error, HfHubHTTPError) and error.response.status_code == 404:
            raise ModelNotFound(f"there is no model {name} at {hub()}", hint="check its name") from error
        first = (str(error) or type(error).__name__).splitlines()[0]
        raise LLMError(
            f"can't fetch {name} from {hub()}: {first}",
            hint="run the same command again later: it goes on where it stopped",
            retryable=True,
        ) from error


def _chosen(name: str, siblings: Sequence[Any]) -> list[Any]:
    paths = {sibling.rfilename: PurePosixPath(sibling.rfilename) for sibling in siblings}
    found = [
        sibling
        for sibling in siblings
        if (path := paths[sibling.rfilename]).suffix in _ENDINGS and path.parts[0] not in _OTHER_ENGINES
    ]
    if any(paths[sibling.rfilename].suffix == ".safetensors" for sibling in found):
        return found
    models = [file for file, path in paths.items() if path.suffix == ".gguf"]
    hint = f"give the URL of one of its files: {hub()}/{name}/resolve/main/{models[0]}" if models else ""
    raise LLMError(f"{name} holds no weights as safetensors", hint=hint)


def _fetch(library: Any, name: str, revision: str, files: Sequence[Any], target: Path) -> Path:
    part = target.with_name(f"{target.name}.part")
    part.mkdir(parents=True, exist_ok=True)
    refuse_unless_room(part, sum(file.size or 0 for file in files))
    for file in files:
        path = Path(
            library.hf_hub_download(
                name, file.rfilename, revision=revision, local_dir=part, endpoint=hub(), library_name="ragent"
            )
        )
        wanted = file.lfs.sha256 if file.lfs else ""
        if wanted and sha256_of(path) != wanted:
            shutil.rmtree(part)
            raise LLMError(
                f"{file.rfilename} of {name} has another checksum than it should; it was not kept",
                hint="pull it again",
            )
    shutil.rmtree(part / ".cache", ignore_errors=True)
    part.replace(target)
    return target
