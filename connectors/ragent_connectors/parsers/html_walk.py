"""From the tree of a page to blocks of text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from ragent.types import BlockKind
from ragent_connectors.parsers.writer import TextWriter

if TYPE_CHECKING:
    from selectolax.lexbor import LexborNode

_NEVER = {
    *("script", "style", "noscript", "template", "iframe", "object", "embed", "svg", "canvas", "audio"),
    *("video", "input", "button", "select", "textarea", "datalist", "dialog", "head", "-comment"),
}
_CHROME = {"nav", "footer", "aside", "header", "form", "menu"}
_CHROME_ROLES = {"navigation", "banner", "contentinfo", "search", "complementary"}
# Within the main part these don't head or foot the page (WAI-ARIA 1.2, 5.3.4), whatever a page calls so.
_PAGE_ROLES = {"banner", "contentinfo"}
_HEADINGS = {"h1": 1, "h2": 2, "h3": 3, "h4": 4, "h5": 5, "h6": 6}
_BLOCKS = {
    *("address", "article", "body", "blockquote", "center", "dd", "details", "div", "dl", "dt", "fieldset"),
    *("figcaption", "figure", "footer", "form", "header", "hr", "li", "main", "nav", "ol", "p", "pre"),
    *("section", "summary", "table", "caption", "tbody", "td", "tfoot", "th", "thead", "tr", "ul", "aside"),
    *_HEADINGS,
}
_HIDDEN_STYLE = re.compile(r"(?:^|[;\s])(?:display\s*:\s*none|visibility\s*:\s*hidden)", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\n\r\f]+")
# A table that holds these lays a page out; its cells are read as ordinary content.
_LAYOUT = "table, h1, h2, h3, h4, pre, p ~ p"
_MAIN_PARTS = "h1, main, article"

_Container = Literal["list", "table", "quote"]


class HtmlWalker:
    """Walks one tree, without recursion, and writes its blocks.

    Attributes:
        links: the words and target of each link in what was written, in order.
    """

    def __init__(self, *, keep_chrome: bool = False) -> None:
        self.links: list[tuple[str, str]] = []
        self._keep_chrome = keep_chrome
        self._writer = TextWriter()
        self._inline: list[str] = []
        self._lines: list[str] = []
        self._cells: list[str] = []
        self._rows: list[str] = []
        self._container: _Container | None = None
        self._owner: int | None = None
        self._list_depth = 0
        self._bullet = False
        self._preformatted = False

    def walk(self, root: LexborNode) -> TextWriter:
        """Write everything under `root`."""
        stack: list[tuple[LexborNode, bool]] = [(root, False)]
        while stack:
            node, leaving = stack.pop()
            if leaving:
                self._leave(node)
                continue
            tag = node.tag or ""
            if tag == "-text":
                self._inline.append(node.text_content or "")
            elif tag == "br":
                self._inline.append("\v")
            elif node.is_element_node and not self._dropped(node, tag):
                self._enter(node, tag)
                stack.append((node, True))
                stack += [(child, False) for child in reversed(self._children(node, tag))]
        self._flush()
        return self._writer

    def _children(self, node: LexborNode, tag: str) -> list[LexborNode]:
        """Of a page's or article's header, only its title and leading paragraphs: the rest is chrome."""
        if tag == "header" and not self._keep_chrome and node.css_first("main, article") is None:
            return node.css("h1, h2, p")
        return list(node.iter(include_text=True))

    def _dropped(self, node: LexborNode, tag: str) -> bool:
        if tag in _NEVER:
            return True
        attributes = node.attributes
        if "hidden" in attributes or attributes.get("aria-hidden") == "true":
            return True
        if _HIDDEN_STYLE.search(attributes.get("style") or ""):
            return True
        if tag == "a" and "headerlink" in (attributes.get("class") or ""):
            return True
        role = attributes.get("role")
        chrome = tag in _CHROME or (role in _CHROME_ROLES and not (role in _PAGE_ROLES and _is_inside(node)))
        return chrome and not self._keep_chrome and node.css_first(_MAIN_PARTS) is None

    def _enter(self, node: LexborNode, tag: str) -> None:
        if tag == "a" and (target := node.attributes.get("href")):
            self.links.append((" ".join(node.text().split()), target.strip()))
        if tag not in _BLOCKS or self._preformatted:
            return
        self._flush()
        if tag == "pre":
            self._preformatted = True
        elif tag in ("ul", "ol"):
            self._open("list", node)
            self._list_depth += 1
        elif tag == "blockquote":
            self._open("quote", node)
        elif tag == "table" and not _lays_out(node):
            self._open("table", node)
        elif tag == "li":
            self._bullet = True

    def _leave(self, node: LexborNode) -> None:
        tag = node.tag or ""
        if self._preformatted:
            self._leave_preformatted(tag)
            return
        if tag in _HEADINGS and self._container is None:
            self._writer.add("heading", self._taken().replace("\n", " "), _HEADINGS[tag])
        if tag not in _BLOCKS:
            return
        self._flush()
        if self._container == "table" and tag in ("td", "th"):
            self._cells.append(" ".join(self._lines))
            self._lines.clear()
        elif self._container == "table" and tag == "tr":
            self._rows.append(" | ".join(self._cells))
            self._cells.clear()
        elif tag in ("ul", "ol"):
            self._list_depth -= 1
        if node.mem_id == self._owner:
            self._close()

    def _open(self, container: _Container, node: LexborNode) -> None:
        if self._container is None:
            self._container, self._owner = container, node.mem_id

    def _close(self) -> None:
        kind: BlockKind = self._container or "paragraph"
        rows = [row for row in self._rows if row.strip(" |")]
        self._container = self._owner = None
        self._writer.add(kind, "\n".join([*self._lines, *rows]))
        self._lines.clear()
        self._rows.clear()

    def _flush(self) -> None:
        """End the current line of text: a paragraph, or a line of the open list, table or quote."""
        text = self._taken()
        if not text:
            return
        if self._container is None:
            self._writer.add("paragraph", text)
            return
        if self._container == "list":
            indent = "  " * max(self._list_depth - 1, 0)
            text = indent + ("- " if self._bullet else "  ") + text
            self._bullet = False
        self._lines.append(text)

    def _leave_preformatted(self, tag: str) -> None:
        if tag in _BLOCKS and tag != "pre":
            self._inline.append("\v")  # a line of highlighted code, a block of its own
        if tag != "pre":
            return
        self._preformatted = False
        code = "".join(self._inline).replace("\v", "\n")
        self._inline.clear()
        if self._container is None:
            self._writer.add("code", code)
        else:
            self._lines.append(code.strip("\n"))

    def _taken(self) -> str:
        """The collected inline text with white space collapsed as a browser would; `br` ends a line."""
        lines = _SPACE.sub(" ", "".join(self._inline)).split("\v")
        self._inline.clear()
        return "\n".join(line.strip(" ") for line in lines).strip()


def _is_inside(node: LexborNode) -> bool:
    """Whether a node is within the main part of its page."""
    parent = node.parent
    while parent is not None and parent.tag not in ("main", "article"):
        parent = parent.parent
    return parent is not None


def _lays_out(table: LexborNode) -> bool:
    """Whether a table holds what only a layout table does; a selector also finds the node it starts from."""
    return any(found.mem_id != table.mem_id for found in table.css(_LAYOUT))
