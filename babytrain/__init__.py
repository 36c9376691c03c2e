"""babytrain: train a small language model and watch it grow up, in a terminal.

The code lives in the three top-level folders `tui/`, `engine/` and `runs/`; this package gives them one import
name (`babytrain.tui`, `babytrain.engine`, `babytrain.runs`). In a checkout the three are links beside this file,
in an installed wheel they are real folders.
"""

from pathlib import Path as _Path

__version__ = "0.5.0"

_here = _Path(__file__).parent
if not (_here / "tui").is_dir():  # a checkout made where links are not supported
    __path__.append(str(_here.parent))
