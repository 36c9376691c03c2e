"""A graphics card that answers what a test puts into it."""

from __future__ import annotations

from babytrain.engine.telemetry.gpu_backend import GpuBackend
from babytrain.runs.events import GpuReading


class FakeGpu(GpuBackend):
    """A backend whose every look gives `answer`, or raises it."""

    def __init__(self, answer: tuple[GpuReading, ...] | Exception = (), *, note: str = "") -> None:
        super().__init__(note)
        self.answer, self.closed = answer, False

    def read(self) -> tuple[GpuReading, ...]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed = True
