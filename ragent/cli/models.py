"""`ragent models`."""

from __future__ import annotations

import sys
from dataclasses import asdict

import typer

from ragent.cli.face import FAILED, Face, HomeOption, JsonOption

app = typer.Typer(help="What can be run here, and whether it runs.", no_args_is_help=True)


@app.command("list")
def list_models(context: typer.Context, home: HomeOption = None, as_json: JsonOption = False) -> None:
    """List the models that are installed or lie in HOME/models."""
    from ragent.config import find_home
    from ragent.llm.models import installed_models

    face = Face(context, home, None, as_json)
    found = installed_models(find_home(face.home) / "models")
    if face.as_json:
        face.print_json([asdict(model) for model in found])
        return
    from rich.table import Table

    table = Table(
        "name", "kind", "quantisation", "parameters", "context", "file", "memory", "licence", box=None
    )
    for model in found:
        table.add_row(
            model.name,
            model.kind,
            model.quantization,
            f"{model.parameters / 1e6:.0f} M" if model.parameters else "",
            str(model.context_tokens or ""),
            f"{model.size_bytes / 1e6:.0f} MB",
            f"{model.memory_bytes / 1e6:.0f} MB",
            model.licence,
        )
    face.console.print(table)


@app.command()
def doctor(context: typer.Context, as_json: JsonOption = False) -> None:
    """Run each engine in a process of its own, and say what to do about any that fails or crashes."""
    from ragent.llm.doctor import diagnose

    face = Face(context, as_json=as_json)
    with face.messages.status("probing each engine"):
        probes = list(diagnose())
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
