"""The poster's paper, inks and letters: one accent, everything else is ink in three strengths."""

from __future__ import annotations

from dataclasses import dataclass

PAPER, CARD = "#f5f0e6", "#fdfaf3"
INK, SOFT, HAIR = "#1d1a17", "#766d61", "#d3c9b8"
ACCENT, SAND, SAND_INK = "#c23b22", "#b5a78f", "#9a8a6e"

SERIF = (
    "'Iowan Old Style','Palatino Linotype',Palatino,'URW Palladio L','TeX Gyre Pagella',P052,"
    "Georgia,'Liberation Serif','Times New Roman','DejaVu Serif',serif"
)
SANS = "'Helvetica Neue',Helvetica,Inter,Arial,'Liberation Sans','DejaVu Sans',sans-serif"
MONO = "Menlo,Consolas,'Liberation Mono','DejaVu Sans Mono',monospace"

WIDTH, HEIGHT = 2970.0, 4200.0  # A3 in tenths of a millimetre
MARGIN = 230.0
GUTTER = 60.0
LABEL_SIZE, NOTE_SIZE = 31.0, 36.0
LABEL_SPACING = 5.0  # between the letters of a label


@dataclass(frozen=True)
class Box:
    """A place on the paper."""

    x: float
    y: float
    width: float
    height: float

    @property
    def right(self) -> float:
        """The right edge."""
        return self.x + self.width

    @property
    def bottom(self) -> float:
        """The lower edge."""
        return self.y + self.height
