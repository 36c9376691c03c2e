"""Whatever prints while the app runs ends up in the log pane, and the terminal is itself again afterwards."""

import subprocess
import sys
from pathlib import Path

SCRIPT = """
import os, subprocess, sys
from babytrain.tui.terminal.output_capture import OutputCapture
lines = []
with OutputCapture(lines.append):
    print("printed")
    print("complained", file=sys.stderr)
    os.write(1, b"from C\\n")
    subprocess.run(["echo", "from a child"])
    os.write(2, b"x" * 10000 + b"\\nlast words")
    sys.__stderr__.write("TERMINAL")
    sys.__stdout__.flush()
print("AFTER", [line[:12] for line in lines], max(len(line) for line in lines))
"""


def test_descriptors_are_captured_and_given_back() -> None:
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, cwd=Path(__file__).parents[3], check=True
    )
    assert done.stderr == "TERMINAL"
    assert done.stdout.startswith("AFTER ['printed', 'complained', 'from C', 'from a child', 'xxxxxxxxxxxx'")
    assert "last words" in done.stdout
    assert done.stdout.strip().endswith("4096")
