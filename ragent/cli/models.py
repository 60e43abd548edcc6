"""`ragent models`."""

from __future__ import annotations

import json
import signal
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ragent.cli.face import FAILED, INTERRUPTED, Face, HomeOption, JsonOption
from ragent.errors import ConfigError

if TYPE_CHECKING:
    from ragent.llm.llamacpp import LlamaCpp
    from ragent.llm.models import ModelInfo
    from ragent.llm.steering import Contrast

ModelOption = Annotated[
    str | None, typer.Option("--model", metavar="NAME", help="Another model, by name or path.")
]

app = typer.Typer(help="What can be run here, and whether it runs.", no_args_is_help=True)


@app.command("list")
def list_models(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the models that are installed or lie in HOME/models, and known ones that can be fetched.

    A known model is shown in the quantisation recommended for this machine's memory. What a model takes is
    told for 8192 tokens of context, or for its own if that is less.
    """
    from ragent.llm.models import installed_models, known_models

    face = Face(context, home, None, as_json)
    folder = _folder(face)
    found = installed_models(folder) + known_models(folder)
    if face.as_json:
        face.print_json([asdict(model) for model in found])
        return
    from rich.table import Table

    # Narrow enough for 80 columns, names whole.
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for title in ("name", "kind", "build", "weights", "context", "file", "memory", "fits", "licence"):
        table.add_column(title, no_wrap=title == "name")
    for model in found:
        table.add_row(model.name, model.kind, *_figures(model), model.licence)
    face.console.print(table)


@app.command()
def info(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="A name of `ragent models list`, or a path.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show one model: what its file says of itself, or what is known of it."""
    from ragent.llm.models import find_model

    face = Face(context, home, None, as_json)
    model = find_model(name, _folder(face))
    if face.as_json:
        face.print_json(model)
        return
    titles = ("quantisation", "weights", "context", "file", "memory", "fits here")
    lines = {"name": model.name, "kind": model.kind, **dict(zip(titles, _figures(model), strict=True))}
    lines |= {"licence": model.licence, "path": str(model.path or f"ragent models pull {model.name}")}
    for title, value in lines.items():
        face.console.print(f"{title:<13} {value}", markup=False)
    if model.error:
        face.console.print(model.error, markup=False, style="red")


@app.command()
def pull(
    context: typer.Context,
    name: Annotated[
        str, typer.Argument(help="A known name (qwen3-4b, qwen3-4b:Q8_0), URL.gguf, or ORGANISATION/MODEL.")
    ],
    sha256: Annotated[
        str, typer.Option("--sha256", metavar="HEX", help="What the file's checksum must be.")
    ] = "",
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Fetch a model into HOME/models; what was interrupted is gone on with.

    A GGUF file by a known name or URL, for llm.model; or a sentence-transformers model by its name on the
    Hugging Face hub (or on HF_ENDPOINT), for embedder.model. Checksums are verified.
    """
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

    from ragent.llm.pull import pull as fetch

    face = Face(context, home, None, as_json)
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with Progress(*columns, console=face.messages, transient=True) as bar:
            task = bar.add_task(name, total=None, visible=False)

            def show(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total or None, visible=True)

            pulled = fetch(name, _folder(face), sha256=sha256, progress=show)
    except KeyboardInterrupt:
        typer.echo("interrupted: run the same command again, and it goes on", err=True)
        sys.exit(INTERRUPTED)
    if face.as_json:
        face.print_json(pulled)
        return
    face.console.print(f"{pulled.path}", markup=False)
    if not pulled.verified:
        face.console.print(f"no checksum is known; its SHA-256 is {pulled.sha256}", style="yellow")
    setting = "[llm]" if pulled.kind == "file" else "[embedder]"
    value = pulled.name if pulled.kind == "file" else pulled.path
    face.console.print(f'to use it: {setting} model = "{value}"', markup=False)


@app.command()
def perplexity(
    context: typer.Context,
    files: Annotated[
        list[Path], typer.Argument(help="Text files (UTF-8).", exists=True, dir_okay=False, metavar="FILE...")
    ],
    model: ModelOption = None,
    stride: Annotated[
        int, typer.Option("--stride", min=0, help="Tokens from window to window; 0: half a window.")
    ] = 0,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell how well the model foresees texts: e to the mean of -ln p over their tokens. Less is better.

    To compare models with one tokenizer, or one model with and without an adapter, on texts like yours. What
    is longer than the context is read in windows.
    """
    face = Face(context, home, None, as_json)
    texts = [(path, _text(path)) for path in files]
    llm = _local_model(face, model)
    found = []
    with face.messages.status("reading") as status:
        for path, text in texts:
            status.update(f"reading {path}")
            try:
                found.append((path, llm.perplexity(text, stride=stride)))
            except ValueError as error:
                raise ConfigError(f"{path}: {error}") from error
    if face.as_json:
        face.print_json([{"file": path, **asdict(one)} for path, one in found])
        return
    for path, one in found:
        face.console.print(f"{one.value:10.3f}  {one.tokens:8d} tokens  {path}", markup=False)


@app.command()
def steer(
    context: typer.Context,
    pairs: Annotated[
        Path,
        typer.Argument(
            help='JSON Lines of {"positive": …, "negative": …}.', exists=True, dir_okay=False, metavar="PAIRS"
        ),
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The control vector, a GGUF file.")],
    model: ModelOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Train a control vector from pairs of contrasting prompts.

    Each pair asks for the same thing in two ways: {"positive": "Describe the town as one who loves it.",
    "negative": "Describe the town as one who hates it."}. What the model thinks of them differs in a
    direction, and llm.control_vectors = {"FILE" = 1.5} moves it there, a negative strength the other way.
    Strengths from 1 to 4 are felt; a handful of pairs is enough.
    """
    from rich.progress import Progress

    from ragent.llm.control_vectors import save_control_vector

    face = Face(context, home, None, as_json)
    wanted = _contrasts(pairs)
    llm = _local_model(face, model, control_vectors={})
    with Progress(console=face.messages, transient=True) as bar:
        task = bar.add_task("reading", total=2 * len(wanted))
        vector = llm.train_control_vector(wanted, lambda done, _: bar.update(task, completed=done))
    save_control_vector(out, vector)
    if face.as_json:
        face.print_json(
            {"file": out, "model": vector.model, "layers": len(vector.directions), "pairs": len(wanted)}
        )
        return
    face.console.print(f"{out}: {len(vector.directions)} layers of {vector.model}", markup=False)
    face.console.print(f'to use it: [llm] control_vectors = {{"{out}" = 1.5}}', markup=False)


def _local_model(face: Face, name: str | None, **settings: Any) -> LlamaCpp:
    """The language model of the settings, loaded in this process."""
    from ragent.config import find_config, find_home, load_settings
    from ragent.llm.llamacpp import open_llamacpp

    home = find_home(face.home)
    if name:
        settings["model"] = name
    llm = load_settings(face.config or find_config(home), llm=settings).llm
    if llm.url:
        raise ConfigError("this needs a model that runs here", hint="leave [llm] url empty")
    return open_llamacpp(llm, home / "models")


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except UnicodeDecodeError:
        raise ConfigError(
            f"{path} is not a text in UTF-8", hint="`ragent ingest` reads other formats"
        ) from None


def _contrasts(path: Path) -> list[Contrast]:
    from ragent.llm.steering import Contrast

    found = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
            found.append(Contrast(value["positive"], value["negative"]))
            if not all(isinstance(text, str) and text for text in (found[-1].positive, found[-1].negative)):
                raise ValueError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ConfigError(
                f"{path}, line {number}: no pair of prompts", hint='{"positive": "…", "negative": "…"}'
            ) from None
    return found


def _folder(face: Face) -> Path:
    from ragent.config import find_home

    return find_home(face.home) / "models"


def _figures(model: ModelInfo) -> tuple[str, ...]:
    return (
        model.quantization,
        f"{model.parameters / 1e6:.0f} M" if model.parameters else "",
        str(model.context_tokens or ""),
        f"{model.size_bytes / 1e6:.0f} MB",
        f"{model.memory_bytes / 1e6:.0f} MB" if model.memory_bytes else "",
        "" if model.error else "yes" if model.fits else "no",
    )


@app.command()
def doctor(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """Run each engine in a process of its own, and say what to do about any that fails or crashes.

    Servers of models that the settings name are asked, too.
    """
    from ragent.config import find_config, find_home, load_settings
    from ragent.llm.doctor import diagnose
    from ragent.rag.reaching import reach_servers

    face = Face(context, home, as_json=as_json)
    settings = load_settings(face.config or find_config(find_home(face.home)))
    with face.messages.status("probing each engine"):
        probes = [*diagnose(), *reach_servers(settings)]
    if face.as_json:
        face.print_json(probes)
    else:
        for probe in probes:
            mark = "[green]ok    [/green]" if probe.ok else "[red]failed[/red]"
            face.console.print(f"{mark} {probe.name:<22} ", end="")
            face.console.print(f"{probe.detail} ({probe.seconds:.1f} s)", markup=False)
            if probe.fix:
                face.console.print(f"       {probe.fix}", markup=False, style="yellow")
    sys.exit(0 if all(probe.ok for probe in probes) else FAILED)
