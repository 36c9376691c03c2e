"""Run with a fake driver on LD_LIBRARY_PATH: prints readings as JSON lines, as standard input asks for them.

`read`: one look by the backend a line of input. `sample`: whatever the sampler publishes, until input ends.
"""

from __future__ import annotations

import sys
from typing import Any

import msgspec

from babytrain.engine.telemetry.gpu import open_gpu_backend
from babytrain.engine.telemetry.sampler import TelemetrySampler
from babytrain.runs.events import GpuReading, HostReading


class QuietHost:
    def read(self) -> HostReading:
        return HostReading(cpu_percent=12.0)


def say(**fields: Any) -> None:
    sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")
    sys.stdout.flush()


def read_on_demand() -> None:
    backend = open_gpu_backend()
    for _ in sys.stdin:
        say(gpus=backend.read(), note=backend.note)
    backend.close()
    backend.close()


def sample_until_told() -> None:
    def publish(host: HostReading, gpus: tuple[GpuReading, ...], note: str) -> None:
        say(gpus=gpus, note=note, host=host.cpu_percent, hung=sampler.hung)

    sampler = TelemetrySampler(publish, host=QuietHost(), interval_seconds=0.02, hang_seconds=0.1)
    sampler.start()
    sys.stdin.read()
    say(stopped=sampler.stop())


if __name__ == "__main__":
    {"read": read_on_demand, "sample": sample_until_told}[sys.argv[1]]()
