"""HTML as text, escaped in one place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from babytrain.tui.poster.markup import Markup, joined
from babytrain.tui.safe_text import safe_text


def tag(name: str, *children: Markup, **attributes: str | None) -> Markup:
    """`<name attributes>children</name>`; `_class` is class, underscores are hyphens, None leaves one out."""
    written = "".join(
        f' {key.strip("_").replace("_", "-")}="{escape(safe_text(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    return Markup(f"<{name}{written}>{''.join(children)}</{name}>")


def words(text: str) -> Markup:
    """Any text as data, in a span whose direction stays inside."""
    return Markup(f"<bdi>{escape(safe_text(text), quote=False)}</bdi>")


def table(headings: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> Markup:
    """A table of plain text, which may be wider than the page.

    On a narrow page one of the `kind` "stacked" shows a row as a list, its cells named; of the `kind` "told" the last
    cell of a row stands below the others.
    """
    names = headings if kind == "stacked" else [None] * len(headings)
    head = tag("tr", *(tag("th", words(heading), scope="col") for heading in headings))
    body = (
        tag("tr", *(tag("td", words(cell), data_label=name) for name, cell in zip(names, row, strict=True)))
        for row in rows
    )
    return tag("div", tag("table", tag("thead", head), tag("tbody", *body)), _class=f"scroll {kind}".strip())


def section(title: str, *content: Markup, name: str) -> Markup:
    """A part of the page under a heading."""
    return tag("section", tag("h2", words(title)), joined(*content), id=name)
