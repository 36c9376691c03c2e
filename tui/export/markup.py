"""SVG and HTML as text. All text is escaped here, after control characters, which XML forbids, are made visible.

Only presentation attributes are used, so that the same SVG works as a file, as a PNG, and in a page with a strict
content security policy.
"""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import NewType

from babytrain.tui.terminal.safe_text import safe_line, safe_text

Markup = NewType("Markup", str)


def format_length(value: float) -> str:
    """A length with at most two decimals; 0 for a value that is not finite, which would break the picture."""
    if not math.isfinite(value):
        return "0"
    digits = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if digits == "-0" else digits


def svg_element(name: str, *children: Markup, **attributes: str | float | None) -> Markup:
    """`<name attributes>children</name>`; underscores in attribute names are hyphens, None leaves one out."""
    texts = {
        key: safe_line(value) if isinstance(value, str) else format_length(float(value))
        for key, value in attributes.items()
        if value is not None
    }
    inside = "".join(children)
    return Markup(f"<{name}{_written(texts)}>{inside}</{name}>" if inside else f"<{name}{_written(texts)}/>")


def _written(attributes: Mapping[str, str]) -> str:
    return "".join(f' {key.strip("_").replace("_", "-")}="{escape(value)}"' for key, value in attributes.items())


def escaped_text(words: str) -> Markup:
    """Text as one line, escaped."""
    return Markup(escape(safe_line(words), quote=False))


def join_markup(*parts: Markup) -> Markup:
    """Concatenate elements."""
    return Markup("".join(parts))


def path_data(points: list[tuple[float, float]], *, closed: bool = False) -> str:
    """The `d` attribute of a polyline through `points`."""
    if not points:
        return "M0 0"
    steps = "L".join(f"{format_length(x)} {format_length(y)}" for x, y in points)
    return f"M{steps}{'Z' if closed else ''}"


def html_element(name: str, *children: Markup, **attributes: str | None) -> Markup:
    """`<name attributes>children</name>`; `_class` is class, underscores are hyphens, None leaves one out."""
    written = _written({key: safe_text(value) for key, value in attributes.items() if value is not None})
    return Markup(f"<{name}{written}>{''.join(children)}</{name}>")


def html_text(text: str) -> Markup:
    """Escaped text in a `bdi` element, which isolates its direction."""
    return Markup(f"<bdi>{escape(safe_text(text), quote=False)}</bdi>")


def html_paragraph(text: str, **attributes: str) -> Markup:
    """Text as a paragraph."""
    return html_element("p", html_text(text), **attributes)


def html_table(headings: Sequence[str], rows: Iterable[Sequence[str]], kind: str = "") -> Markup:
    """A table of plain text that can be scrolled sideways.

    On a narrow page `kind` "stacked" shows a row as a list of named cells, `kind` "message" the last cell below the
    others.
    """
    names = headings if kind == "stacked" else [None] * len(headings)
    head = html_element("tr", *(html_element("th", html_text(heading), scope="col") for heading in headings))
    body = (
        html_element(
            "tr", *(html_element("td", html_text(cell), data_label=name) for name, cell in zip(names, row, strict=True))
        )
        for row in rows
    )
    return html_element(
        "div",
        html_element("table", html_element("thead", head), html_element("tbody", *body)),
        _class=f"scroll {kind}".strip(),
    )


def html_section(title: str, *content: Markup, name: str) -> Markup:
    """A section with a heading."""
    return html_element("section", html_element("h2", html_text(title)), join_markup(*content), id=name)


def html_page(title: str, body: str, *, style: str, script: str = "", head: str = "") -> str:
    """A self-contained HTML file with a strict content security policy."""
    policy = content_security_policy(style=style, script=script)
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy)}">\n'
        f'<meta name="viewport" content="width=device-width">\n{head}'
        f"<title>{escaped_text(title)}</title>\n<style>{style}</style>\n"
        f"</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def content_hash(source: str) -> str:
    """The source of an inline style or script in a content security policy."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() + "'"


def content_security_policy(*, style: str, script: str = "") -> str:
    """The policy of a page that loads nothing and allows only this style and script."""
    scripts = f"script-src {content_hash(script)}; " if script else ""
    return f"default-src 'none'; style-src {content_hash(style)}; {scripts}base-uri 'none'; form-action 'none'"
