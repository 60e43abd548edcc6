"""`ragent forget`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ragent.cli.face import FAILED, Face, HomeOption, JsonOption, display_uri


def forget(
    context: typer.Context,
    documents: Annotated[list[str], typer.Argument(metavar="DOC...", help="Ids, uris or paths.")],
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove documents from every table, index and file of the home, and prove that their text is gone.

    The proof looks for stretches of the text in every file of the home, and in every table where the store
    is PostgreSQL; exit code 1 if one holds any. The log and the backups of a server are out of its reach.
    The files the documents were read from are not touched.
    """
    face = Face(context, home, None, as_json)
    with face.rag() as rag, face.messages.status("forgetting"):
        report = rag.forget(*documents)
    proof = report.proof
    if face.as_json:
        face.print_json(
            {
                "forgotten": [{"document_id": id_, "uri": uri} for id_, uri in report.forgotten],
                "files_searched": proof.files_searched,
                "bytes_searched": proof.bytes_searched,
                "rows_searched": proof.rows_searched,
                "stretches": proof.stretches,
                "found": proof.found,
                "listed_again": report.listed_again,
            }
        )
    else:
        for _, uri in report.forgotten:
            face.console.print(f"forgotten: {display_uri(uri)}", markup=False)
        rows = f" and {proof.rows_searched:,} rows of its database" if proof.rows_searched else ""
        holding = "files or tables" if rows else "files"
        face.console.print(
            f"searched {proof.files_searched} files ({proof.bytes_searched / 1e6:.1f} MB) of {rag.home}"
            f"{rows} for {proof.stretches} stretches of text: {len(proof.found)} {holding} hold one"
        )
        for name in proof.found:
            face.console.print(f"still in {name}", markup=False, style="red")
        for uri in report.listed_again:
            face.messages.print(
                f"{display_uri(uri)} lies where sync reads, and would come back: move or delete the file",
                markup=False,
            )
    sys.exit(FAILED if proof.found else 0)
