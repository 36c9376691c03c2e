"""How long does a large text take to the first step, and how much memory?

A text is made, the program itself trains on it for a step without a screen, and the highest resident set size (RSS) of
that process is read from the kernel. The first step comes after the first evaluation. Settings are pinned, so that no
trial is measured with them.

    python -m bench.machine.large_text --megabytes 300
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from babytrain.runs.events import Started, Step
from babytrain.runs.journal import read_journal
from bench.machine.memory import MIB
from bench.measuring import BenchError, load_now, machine_facts, narrate, print_result
from bench.speed.terminal import program

PINNED = ("device=cpu", "threads=1", "precision=fp32", "matmul_backend=torch", "compile=off", "sample_every=0")
LINES = {
    "ascii": "The {0} frogs of pond {1} sing until the moon is {2} reeds high; then they sleep.\n",
    "cyrillic": "Жабы {0} поют у пруда {1}, пока луна не встанет над {2} камышами; потом они спят.\n",
    "emoji": "The {0} frogs \U0001f438 of pond {1} sing until the moon \U0001f319 is {2} reeds high.\n",
}


def write_text(file: Path, line: str, size: int) -> None:
    """Lines with numbers in them until the file has `size` bytes."""
    with file.open("w", encoding="utf-8") as out:
        number = written = 0
        while written < size:
            lines = [line.format(n, n * 7919 % 104729, n * 31 % 257) for n in range(number, number + 10_000)]
            text = "".join(lines)
            out.write(text)
            number, written = number + 10_000, written + len(text.encode())


def highest_rss_bytes(process_id: int) -> int:
    """The most memory a process has had so far; 0 when it has ended."""
    try:
        status = Path(f"/proc/{process_id}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    return next((1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM")), 0)


def measure(text: Path, tokenizer: str) -> dict[str, float]:
    """Seconds to the first step and the highest RSS of the whole run. Raises BenchError if there is no step."""
    with tempfile.TemporaryDirectory() as runs_dir:
        settings = [word for pair in (*PINNED, f"tokenizer={tokenizer}") for word in ("--set", pair)]
        command = program("train", str(text), "--headless", "--runs-dir", runs_dir, "--steps", "1", *settings)
        began, highest = time.time(), 0
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while process.poll() is None:
                time.sleep(0.1)
                highest = max(highest, highest_rss_bytes(process.pid))
        events = [event for path in Path(runs_dir).glob("*/journal.jsonl") for event in read_journal(path).events]
    started = next((event for event in events if isinstance(event, Started)), None)
    step = next((event for event in events if isinstance(event, Step)), None)
    if process.returncode or started is None or step is None:
        raise BenchError(f"The run on {text.name} made no step.")
    first = started.wall_time + step.t - began
    return {"seconds_to_first_step": round(first, 1), "highest_rss_mib": round(highest / MIB, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=300)
    parser.add_argument("--text", choices=[*LINES, "all"], default="ascii")
    parser.add_argument("--tokenizer", choices=["char", "byte", "both"], default="both")
    options = parser.parse_args()
    result: dict[str, Any] = {"machine": machine_facts(1), "megabytes": options.megabytes, "texts": {}}
    for name in LINES if options.text == "all" else [options.text]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"{name}.txt"
            write_text(file, LINES[name], options.megabytes * 1_000_000)
            for tokenizer in ("char", "byte") if options.tokenizer == "both" else (options.tokenizer,):
                found = measure(file, tokenizer)
                narrate(
                    f"{name} by {tokenizer}: {found['seconds_to_first_step']:.1f} s to the first step, "
                    f"{found['highest_rss_mib']:.0f} MiB at most"
                )
                result["texts"][f"{name} {tokenizer}"] = found
    result["load_average_after"] = load_now()
    print_result(result)


if __name__ == "__main__":
    main()
