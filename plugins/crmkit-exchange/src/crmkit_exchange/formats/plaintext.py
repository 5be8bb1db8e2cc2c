"""Bodies of mail as plain text: HTML with its paragraphs and links, and lines that were cut to be joined again."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser

__all__ = ["html_text", "unflowed"]

_READ_CHARACTERS = 2_000_000
"""So much of an HTML text is read by its elements, of the rest only the tags are taken out."""

_HIDDEN = frozenset({"head", "script", "style", "template", "title"})
_PARAGRAPHS = frozenset(
    {"blockquote", "dl", "h1", "h2", "h3", "h4", "h5", "h6", "ol", "p", "pre", "table", "ul"}
)
_LINES = frozenset(
    {
        "address",
        "article",
        "br",
        "center",
        "dd",
        "div",
        "dt",
        "fieldset",
        "footer",
        "form",
        "header",
        "hr",
        "li",
        "section",
        "tr",
    }
)
_SPACE = re.compile(r"[ \t\r\n\f]+")
_TAG = re.compile(r"<[^<>]*>")
_LINK = re.compile(r"(?:https?|mailto|tel):", re.IGNORECASE)


def html_text(html: str) -> str:
    """An HTML document as text: a blank line between paragraphs, `- ` before list items, links after what they are on."""
    markup = _without_comments(html[:_READ_CHARACTERS])
    end = markup.rfind(">") + 1
    reader = _Reader()
    try:
        reader.feed(markup[:end])
        reader.close()
    except AssertionError:  # from declarations that are not well-formed
        return _tidy(_without_tags(html))
    reader.handle_data(unescape(markup[end:]))
    return _tidy("".join(reader.pieces) + _without_tags(html[_READ_CHARACTERS:]))


def _without_comments(html: str) -> str:
    """The document without comments, and without the beginnings of those that never end.

    The parser looks for the end of each again and again, as of tags that never end: it gets none of either.
    """
    kept: list[str] = []
    place = 0
    while (start := html.find("<!--", place)) >= 0 and (end := html.find("-->", start + 4)) >= 0:
        kept.append(html[place:start])
        place = end + 3
    return "".join(kept) + html[place:].replace("<!--", "")


def _without_tags(html: str) -> str:
    return unescape(_TAG.sub(" ", html))


def _tidy(text: str) -> str:
    """At most one blank line between others, no space at the end of any."""
    lines = [line.rstrip() for line in text.replace("\xa0", " ").split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip("\n")


class _Reader(HTMLParser):
    """Collects `pieces` of text while the document goes by."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.pieces: list[str] = []
        self._hidden: list[str] = []
        self._link: tuple[str, int] | None = None
        self._verbatim = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self._hidden.append(tag)
        elif tag == "body":
            self._hidden.clear()
        elif tag in _PARAGRAPHS:
            self._break(2)
        elif tag in _LINES:
            self._break(1, always=tag == "br")
        self._verbatim += tag == "pre"
        given = dict(attrs)
        if tag == "a":
            self._link = (given.get("href") or "", len(self.pieces))
        elif tag == "li":
            self._add("- ")
        elif tag in {"td", "th"} and not self._at_line_start():
            self._add("\t")
        elif tag == "img" and (given.get("alt") or "").strip():
            self._add(f"[{_SPACE.sub(' ', given['alt'] or '').strip()}]")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._hidden:
            del self._hidden[self._hidden.index(tag) :]
        elif tag in _PARAGRAPHS:
            self._break(2)
        elif tag in _LINES and tag != "br":
            self._break(1)
        self._verbatim = max(0, self._verbatim - (tag == "pre"))
        if tag == "a" and self._link:
            self._end_link(*self._link)
            self._link = None

    def handle_data(self, data: str) -> None:
        if self._verbatim:
            self._add(data.replace("\r\n", "\n").replace("\r", "\n"))
            return
        text = _SPACE.sub(" ", data)
        self._add(text.lstrip(" ") if self._at_line_start() else text)

    def _end_link(self, href: str, begin: int) -> None:
        """A link's address stands after its text, unless the text is the address."""
        shown = "".join(self.pieces[begin:]).strip()
        bare = _LINK.sub("", href).strip("/")
        if shown and _LINK.match(href) and bare not in shown:
            self._add(f" <{href.strip()}>")

    def _add(self, text: str) -> None:
        if text and not self._hidden:
            self.pieces.append(text)

    def _break(self, lines: int, *, always: bool = False) -> None:
        if not self._hidden and (always or self.pieces):
            self.pieces.append("\n" * (lines if not self._at_line_start() or always else lines - 1))

    def _at_line_start(self) -> bool:
        last = next((piece for piece in reversed(self.pieces) if piece), "\n")
        return last.endswith(("\n", " ", "\t"))


def unflowed(text: str, *, delete_space: bool = False) -> str:
    """A text in `format=flowed` (RFC 3676) with each paragraph on one line; `delete_space` is its `delsp=yes`."""
    lines: list[list[str]] = []
    open_depth = -1
    for line in text.split("\n"):
        bare = line.lstrip(">")
        depth = len(line) - len(bare)
        bare = bare.removeprefix(" ")
        is_open = bare.endswith(" ") and bare != "-- "
        shown = bare[:-1] if is_open and delete_space else bare
        if depth == open_depth and bare != "-- ":
            lines[-1].append(shown)
        else:
            lines.append([">" * depth + " " * bool(depth), shown])
        open_depth = depth if is_open else -1
    return "\n".join(map("".join, lines))
