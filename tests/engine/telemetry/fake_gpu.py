"""A graphics card that answers what a test puts into it."""

from __future__ import annotations

from babytrain.runs.events import GpuReading


class FakeGpu:
    """A backend whose every look gives `answer`, or raises it."""

    def __init__(self, answer: tuple[GpuReading, ...] | Exception = (), *, note: str = "") -> None:
        self.answer, self.note, self.closed = answer, note, False

    def read(self) -> tuple[GpuReading, ...]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    def close(self) -> None:
        self.closed = True
