"""Run with a fake driver on LD_LIBRARY_PATH: prints readings as JSON lines, as standard input asks for them.

`read`: one look by the backend a line of input; `read:UUID` marks the card torch would
train on. `sample`: whatever the sampler publishes, until input ends; `sample:patient` gives a driver that answers all
the time it needs to be let go of, however slow the machine.
"""

from __future__ import annotations

import sys
import time
from typing import Any

import msgspec

from babytrain.engine.telemetry.gpu_backend import GpuBackend
from babytrain.engine.telemetry.gpu_discovery import TrainingCardMarker, find_training_card
from babytrain.engine.telemetry.nvml_cards import open_gpu_backend
from babytrain.engine.telemetry.sampler import TelemetrySampler
from babytrain.runs.events import GpuReading, HostReading


class QuietHost:
    def read(self) -> HostReading:
        return HostReading(cpu_percent=12.0)


def say(**fields: Any) -> None:
    sys.stdout.write(msgspec.json.encode(fields).decode() + "\n")
    sys.stdout.flush()


def read_on_demand(uuid: str) -> None:
    backend: GpuBackend = open_gpu_backend()
    if uuid:
        backend = TrainingCardMarker(
            backend, lambda gpus, instances: find_training_card("cuda", uuid, gpus, instances), "Toaster"
        )
    for _ in sys.stdin:
        say(gpus=backend.read(), note=backend.note)
    backend.close()
    backend.close()


def sample_until_told(*, patient: bool) -> None:
    def publish(host: HostReading, gpus: tuple[GpuReading, ...], note: str) -> None:
        say(gpus=gpus, note=note, host=host.cpu_percent, hung=sampler.hung, interval=sampler.interval_seconds)

    sampler = TelemetrySampler(publish, read_host=QuietHost().read, interval_seconds=0.02, hang_seconds=0.1)
    sampler.start()
    sys.stdin.read()
    stopped = sampler.stop()
    while patient and not stopped:
        time.sleep(0.01)  # a driver that seemed to hang is not waited for
        stopped = sampler.stop()
    say(stopped=stopped)


if __name__ == "__main__":
    mode, _, detail = sys.argv[1].partition(":")
    sample_until_told(patient=detail == "patient") if mode == "sample" else read_on_demand(detail)
