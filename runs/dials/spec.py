"""Which dials a run has. A dial is named like its setting and has the same limits."""

from __future__ import annotations

from typing import Literal, TypeAlias, get_args

from babytrain.runs.time_of_day import NO_WINDOWS

Position: TypeAlias = float | int | str | None
ScheduleName: TypeAlias = Literal["linear", "cosine", "wsd", "constant"]
SCHEDULES: tuple[ScheduleName, ...] = get_args(ScheduleName)
# Dials that change no result: the power policy of the machine.
MACHINE_DIALS = ("quiet_hours", "quiet_duty", "temperature_ceiling_celsius", "power_budget_watts", "on_battery")
CADENCE_DIALS = ("eval_every", "sample_every")  # in steps
BATCH_DIALS = ("batch_size", "accumulate")
# Dials that change what the training loss measures, or how hard the task is.
LOSS_DIALS = frozenset({"dropout", "label_smoothing", "window_shift", "token_noise"})
# Dials by which an update may go wrong; the learning rate's own come first.
UPDATE_DIALS = ("lr_scale", "lr_hold", "schedule", "weight_decay", "clip", "beta1", "beta2")
# Dials that `set` changes, in display order.
SETTABLE = (
    "schedule",
    *BATCH_DIALS,
    "weight_decay",
    "dropout",
    "clip",
    "label_smoothing",
    "beta1",
    "beta2",
    "window_shift",
    "token_noise",
    *CADENCE_DIALS,
    *MACHINE_DIALS,
)
SMALLEST_SCALE = 1e-6  # of the factor on the learning rate
LARGEST_SCALE = 1e6
LONGEST_REWARM = 10_000_000  # steps
NO_HOURS = (None, "", *NO_WINDOWS)  # no quiet hours, in older and newer configs and as typed
