"""The poster as a page of its own: the SVG on a wall, and alone on the sheet when printed."""

from __future__ import annotations

import base64
import hashlib
from html import escape

from babytrain.tui.safe_text import safe_line

_STYLE = """
html{background:#cfc8bb}body{margin:0;padding:4vmin;display:flex;justify-content:center}
svg{width:min(92vw,calc(92vh*297/420));height:auto;box-shadow:0 2vmin 5vmin rgba(40,30,20,.35)}
@media(orientation:portrait){svg{width:92vw}}
@media(prefers-color-scheme:dark){html{background:#26231f}}
@page{size:A3 portrait;margin:0}
@media print{html{background:none}body{padding:0;display:block}svg{width:297mm;height:420mm;box-shadow:none}}
"""


def source_hash(source: str) -> str:
    """How a security policy names an inline style or script: nothing else of its kind is obeyed."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(source.encode()).digest()).decode() + "'"


def policy(*, style: str, script: str = "") -> str:
    """A page that loads nothing, and obeys this style and this script alone."""
    scripts = f"script-src {source_hash(script)}; " if script else ""
    return f"default-src 'none'; style-src {source_hash(style)}; {scripts}base-uri 'none'; form-action 'none'"


def poster_page(svg: str, name: str) -> str:
    """One self-contained HTML file around the poster `svg`."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{escape(policy(style=_STYLE))}">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(safe_line(name), quote=False)}</title>\n<style>{_STYLE}</style>\n"
        f"</head>\n<body>\n{svg}\n</body>\n</html>\n"
    )
