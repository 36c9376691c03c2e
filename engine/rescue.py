"""What is done when the guard, or the memory, says that a step went wrong: each deed an event and a plain sentence."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from babytrain.engine.guard import LOWER_LEARNING_RATE, Answer
from babytrain.engine.places import PlaceError, go_back_to_good
from babytrain.engine.workbench import Workbench
from babytrain.runs.dials.spec import LARGEST_SCALE, SMALLEST_SCALE
from babytrain.runs.events import Request, Rescue, RescueCause, RescueDeed

Turn = Callable[[Request], None]

_WHAT: dict[RescueCause, str] = {
    "not finite": "the loss or its gradient was no number",
    "spike": "the loss or its gradient jumped far out of its usual range",
    "diverging": "the loss left the level it had reached",
    "out of memory": "the memory did not suffice",
}


class OrderlyStopError(Exception):
    """Training cannot go on; everything is to be saved. The message says why and what to try."""

    def __init__(self, sentence: str, status: Literal["interrupted", "failed"] = "failed") -> None:
        self.status = status
        super().__init__(sentence)


def rescue(
    bench: Workbench,
    answer: Answer,
    *,
    loss: float,
    gradient_norm: float,
    learning_rate: float,
    first_window: int,
    turn: Turn,
) -> bool:
    """Do what the guard said about the step that was just recorded; True when the run went back to a checkpoint.

    `turn` applies a command and puts it on record. Raises OrderlyStopError.
    """
    step = bench.progress.step
    facts = (
        f"step {step:,}, windows from {first_window:,} on, lr {learning_rate:.2g}, gradient norm {gradient_norm:.3g}"
    )
    what = f"{_WHAT[answer.cause]} ({facts}, loss {loss:.4g})"

    def tell(deed: RescueDeed, sentence: str) -> None:
        bench.recorder.emit(
            Rescue(
                t=bench.recorder.now(),
                step=bench.progress.step,
                cause=answer.cause,
                deed=deed,
                text=sentence,
                loss=loss,
                gradient_norm=gradient_norm,
                learning_rate=learning_rate,
                first_window=first_window,
            )
        )

    match answer.deed:
        case "note":
            tell("noted", f"A spike: {what}. The next one so soon is left out.")
        case "skip":
            tell("skipped", f"A step was left out: {what}.")
        case "stop":
            tell("stopped", f"The run stops: {what}.")
            advice = f"try again with a lower learning rate, for instance lr={bench.config.lr / 4:.1g}"
            raise OrderlyStopError(f"{what[0].upper()}{what[1:]}: {advice}.")
        case "go back":
            _go_back(bench, answer, what, tell, turn)
            return True
    return False


def _go_back(bench: Workbench, answer: Answer, what: str, tell: Callable[[RescueDeed, str], None], turn: Turn) -> None:
    """To the newest good checkpoint with a lower learning rate. Raises OrderlyStopError when there is none to go to."""
    bench.guard.rescues_left -= 1
    try:
        place = go_back_to_good(bench, _WHAT[answer.cause])
    except PlaceError as error:
        tell("stopped", f"The run stops: {what}, and {error}.")
        raise OrderlyStopError(f"{what[0].upper()}{what[1:]}, and {error}: start again with a lower lr.") from error
    bench.guard.gone_back()
    dials = bench.dials
    if dials.lr_hold is not None:
        turn(Request(command_id=0, action="lr_hold", value=dials.lr_hold * LOWER_LEARNING_RATE))
    else:
        scale = min(LARGEST_SCALE, max(SMALLEST_SCALE, dials.lr_scale * LOWER_LEARNING_RATE))
        turn(Request(command_id=0, action="lr_scale", value=scale))
    left = bench.guard.rescues_left
    tell(
        "rolled back",
        f"Went back to step {bench.progress.step:,} ({place.name}) with half the learning rate: {what}. "
        f"{left} more rescue{'s' if left != 1 else ''} before the run stops.",
    )


def halve_batch(bench: Workbench, error: BaseException, *, turn: Turn) -> None:
    """Smaller batches, as many more of them in a step: the same windows and the same mean, in less memory.

    Raises OrderlyStopError when there is nothing left to halve.
    """
    dials = bench.dials
    # The largest divisor that is at most half: the windows of a step stay the same.
    smaller = next((size for size in range(dials.batch_size // 2, 0, -1) if dials.batch_size % size == 0), 0)
    if not smaller:
        raise OrderlyStopError(
            "The machine ran out of memory with a single window in a batch: try a smaller context or width."
        ) from error
    times = dials.batch_size // smaller
    # The product must never be larger than it was in between, so the smaller batch comes first.
    turn(Request(command_id=0, action="set", dial="batch_size", value=float(smaller)))
    turn(Request(command_id=0, action="set", dial="accumulate", value=float(dials.accumulate * times)))
    bench.recorder.emit(
        Rescue(
            t=bench.recorder.now(),
            step=bench.progress.step,
            cause="out of memory",
            deed="halved the batch",
            text=f"The memory did not suffice for {dials.batch_size} windows at once: now {smaller} at a time, "
            f"{dials.accumulate * times} times a step. A step still sees the same windows.",
        )
    )
