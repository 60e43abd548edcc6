from __future__ import annotations

from pathlib import Path

import pytest

from ragent.errors import SourceError
from ragent.service import Session
from tests.cli.conftest import DOCUMENTS
from tests.service.conftest import bring_in, finished

pytestmark = pytest.mark.usefixtures("store_url")

QUOTE = "Grit is used, not salt, on the linkspan, because salt attacks the rams."


def test_an_excerpt_marks_the_very_words(ed: Session) -> None:
    text = "\n".join(f"Line {number} of a long text." for number in range(500))
    document = bring_in(ed, "default", "long.txt", text)
    start = text.index("Line 250 ")
    excerpt = ed.documents.excerpt(document, [(start, start + 8)], around=100)
    ((one, other),) = excerpt.marked
    assert excerpt.text[one:other] == "Line 250"
    assert excerpt.has_more
    assert text[excerpt.start : excerpt.end] == excerpt.text
    assert len(excerpt.text) < 400
    assert ed.documents.excerpt(document).text.startswith("Line 0 ")


def test_a_page_is_shown_with_the_quote_marked(ada: Session) -> None:
    import io

    from PIL import Image

    finished(ada, ada.ingest("default", [str(DOCUMENTS / "operations-handbook.pdf")]))
    (handbook,) = ada.documents.list("default")
    assert handbook.pages == 7
    text = ada.documents.text(handbook.id)
    page = ada.documents.page_of(handbook.id, text.index(QUOTE))
    assert page == 3
    pictures = [ada.documents.page_picture(handbook.id, page, quotes, 600) for quotes in ((), (QUOTE,))]
    plain, marked = (Image.open(io.BytesIO(picture)) for picture in pictures if picture)
    assert plain.size == marked.size
    assert plain.width == 600

    def yellow(image: Image.Image) -> int:
        colours = image.convert("RGB").getcolors(2**24) or []
        return sum(
            count for count, colour in colours if isinstance(colour, tuple) and colour[2] < colour[0] - 60
        )

    assert yellow(plain) == 0
    assert yellow(marked) > 2000


def test_a_file_that_changed_is_not_shown_as_what_was_read(ada: Session, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("The lamp is lit at dusk.")
    finished(ada, ada.ingest("default", [str(path)]))
    (document,) = ada.documents.list("default")
    assert ada.documents.file(document.id) == path
    path.write_text("The lamp is lit at dawn.")
    with pytest.raises(SourceError, match="has changed"):
        ada.documents.file(document.id)
    path.unlink()
    with pytest.raises(SourceError, match="isn't there"):
        ada.documents.file(document.id)
    assert ada.documents.text(document.id) == "The lamp is lit at dusk."


def test_passages_are_only_those_of_the_collection(ada: Session) -> None:
    one = bring_in(ada, "default", "a.txt", "The lamp is lit at dusk.")
    bring_in(ada, "other", "b.txt", "The lamp is lit at dawn.")
    hits = [hit for name in ("other", "default") for hit in ada.search(name, "lamp", 3).hits]
    (passage,) = ada.documents.passages("default", [hit.chunk_id for hit in hits])
    assert passage.document_id == one
    assert passage.text == "The lamp is lit at dusk."
    assert ada.documents.passages("nothing in it", [passage.chunk_id]) == []
