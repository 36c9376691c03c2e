"""One kind word for whoever waits for a run, fitting what is going on. A pure function of the recorded run.

Choices worth knowing:

- Chosen from the minute of running time and the run's id, and from how things stood when that minute began, or when
  the run began to work, to wait or to rest since: so it changes no more often, and a replay says what the run said.
- Lines that fit what is going on come before lines that always fit, two times out of three.
- Never where something is wrong: the pane shows a warning in its place.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from babytrain.runs.events import GpuReading, PhaseName, Vitals
from babytrain.runs.prices import wall_time_at
from babytrain.runs.rests import holding_now
from babytrain.runs.state import Moment

MINUTE_SECONDS = 60.0
LONGEST = 72
JOULES_PER_CUP = 25_000.0  # of tea, a quarter of a litre
COOL_CELSIUS, WARM_CELSIUS = 55.0, 74.0
_LASTING: tuple[PhaseName, ...] = ("loading", "compiling", "paused", "resting")  # all else is training, and its breaks


@dataclass(frozen=True)
class Mood:
    """What is going on, in the few facts that lines ask for."""

    phase: str = "training"
    verdict: str = ""
    status: str = "training"
    held_by: str = ""  # the cause of a restraint that is in force
    celsius: float | None = None
    fan_percent: float | None = None
    joules: float = 0.0
    hour: int = 12
    share: float = 0.0  # of the planned steps
    minutes: float = 0.0
    rescues: int = 0
    samples: int = 0
    turns: int = 0
    on_card: bool = False
    on_battery: bool = False


@dataclass(frozen=True)
class KindWord:
    """A line, and when it fits; without a condition it always does."""

    text: str
    fits: Callable[[Mood], bool] | None = None


def _trains(mood: Mood) -> bool:
    return mood.phase in ("training", "evaluating", "sampling", "saving") and mood.status == "training"


def _verdict(*names: str) -> Callable[[Mood], bool]:
    return lambda mood: _trains(mood) and mood.verdict in names


def _phase(name: str) -> Callable[[Mood], bool]:
    return lambda mood: mood.status == "training" and mood.phase == name


def _held(cause: str) -> Callable[[Mood], bool]:
    return lambda mood: mood.status == "training" and mood.held_by == cause


def _while_training(condition: Callable[[Mood], bool]) -> Callable[[Mood], bool]:
    return lambda mood: _trains(mood) and condition(mood)


WORDS: tuple[KindWord, ...] = (
    # how it stands
    KindWord("It packs its school bag. Twice, to be sure.", _phase("loading")),
    KindWord("Compiling: the part of learning that looks like doing nothing.", _phase("compiling")),
    KindWord("Paused. Even snakes stop to digest.", _phase("paused")),
    KindWord("Holding its breath until you press space.", _phase("paused")),
    KindWord("An exam! No talking, please.", _phase("evaluating")),
    KindWord("It clears its throat and recites.", _phase("sampling")),
    KindWord("Saving. What is on the disk cannot be unlearnt.", _phase("saving")),
    KindWord("Well done, little one. Well done, you, too.", lambda mood: mood.status == "done"),
    KindWord("All steps taken. Somebody should bake a cake.", lambda mood: mood.status == "done"),
    KindWord("Stopped for today. It remembers where it was.", lambda mood: mood.status == "interrupted"),
    KindWord("It fell over. Most children do, and get up.", lambda mood: mood.status == "failed"),
    # who lives with it
    KindWord("Shh. The fan is asleep.", _held("quiet hours")),
    KindWord("Sleep is when it all sinks in, they say.", _held("quiet hours")),
    KindWord("A siesta in the shade never hurt a gradient.", _held("heat")),
    KindWord("Slow and cool wins the race it runs alone.", _held("heat")),
    KindWord("Thrifty: the same steps, fewer watts at a time.", _held("power")),
    KindWord("Waiting for the wall socket to come home.", _held("battery")),
    # what the diagnosis says
    KindWord("First it must learn that there are letters. Patience.", _verdict("warming up")),
    KindWord("Every batch a little less surprised.", _verdict("learning")),
    KindWord("It is getting the hang of it. You picked well.", _verdict("learning")),
    KindWord("Steady now. This is what learning looks like.", _verdict("learning")),
    KindWord("Slowly is also a direction.", _verdict("slow", "lr too low")),
    KindWord("Plateaus have the best view of where you came from.", _verdict("plateau")),
    KindWord("Nothing moves. Moss would approve.", _verdict("plateau")),
    KindWord("A bit wild today. It has your learning rate.", _verdict("lr too high")),
    KindWord(
        "It knows its book by heart and little else. We all had that year.", _verdict("overfitting", "memorising")
    ),
    KindWord("Hungry! The data is still being chewed.", _verdict("data-bound")),
    # the weather in the box
    KindWord(
        "Cool as a pond at dawn.",
        _while_training(lambda mood: mood.celsius is not None and mood.celsius < COOL_CELSIUS),
    ),
    KindWord(
        "Warm enough in there to prove dough.",
        _while_training(lambda mood: mood.celsius is not None and mood.celsius >= WARM_CELSIUS),
    ),
    KindWord(
        "That is not a hair dryer, that is progress.",
        _while_training(lambda mood: mood.fan_percent is not None and mood.fan_percent >= 70),
    ),
    KindWord(
        "The fan hums along. It has no idea what is in the book.",
        _while_training(lambda mood: mood.fan_percent is not None and 0 < mood.fan_percent < 70),
    ),
    KindWord("Not a breath of wind, and yet it learns.", _while_training(lambda mood: mood.fan_percent == 0)),
    KindWord("On battery: every letter is carried by hand.", _while_training(lambda mood: mood.on_battery)),
    KindWord("A processor can do this, too. It only takes character.", _while_training(lambda mood: not mood.on_card)),
    KindWord(
        "Less than a cup of tea so far, in electricity.",
        _while_training(lambda mood: 0 < mood.joules < JOULES_PER_CUP),
    ),
    KindWord(
        "It has drunk more tea than you by now, in electricity.",
        _while_training(lambda mood: mood.joules >= 10 * JOULES_PER_CUP),
    ),
    # the clock
    KindWord("It trains while you sleep. You could, you know.", _while_training(lambda mood: mood.hour < 5)),
    KindWord("Early birds and early losses.", _while_training(lambda mood: 5 <= mood.hour < 8)),
    KindWord("Lunch? It will still be here.", _while_training(lambda mood: mood.hour == 12)),
    KindWord("Tea time. The loss will wait for no one, but you may.", _while_training(lambda mood: mood.hour == 16)),
    KindWord("Evening. A good hour to read what it wrote.", _while_training(lambda mood: 19 <= mood.hour < 23)),
    # how far
    KindWord("The first steps are always the steepest.", _while_training(lambda mood: mood.share < 0.05)),
    KindWord(
        "Half way, give or take. No turning back, give or take.", _while_training(lambda m: 0.45 <= m.share < 0.6)
    ),
    KindWord("Nearly there. Try to look surprised.", _while_training(lambda mood: mood.share >= 0.9)),
    KindWord("An hour already! They grow up so fast.", _while_training(lambda mood: mood.minutes >= 60)),
    KindWord("Picked up and dusted off: it hardly shows.", _while_training(lambda mood: mood.rescues > 0)),
    KindWord("Pane 4 has its newest poem. Be gentle.", _while_training(lambda mood: mood.samples > 0)),
    KindWord("You turn, it learns. Good teamwork.", _while_training(lambda mood: mood.turns > 0)),
    # always
    KindWord("Weights move by hair's breadths, and still arrive."),
    KindWord("No loss was ever lowered by staring, but it likes company."),
    KindWord("Everything it knows, it learnt here."),
    KindWord("Small models have big dreams."),
    KindWord("One more batch. It always says that."),
    KindWord("Somewhere in there a comma has just been understood."),
)


def encouragement(moment: Moment, longest: int = LONGEST) -> str:
    """The line of the minute; empty when the run's settings want none, or before it has said who it is.

    Lines of more than `longest` characters are said only where no shorter one fits.
    """
    started = moment.started
    if started is None or moment.settings.get("encouragement", True) is False:
        return ""
    minute = int(max(0.0, moment.t) // MINUTE_SECONDS)
    return line_for(_mood_of_minute(moment, minute), f"{started.run_id}:{minute}", longest)


def _mood_of_minute(moment: Moment, minute: int) -> Mood:
    """How things stood when the minute began, or when the run began to do what it does now, if that was later."""
    if moment.ended is not None:
        return mood_at(moment)
    phases = moment.state.phases.until(moment.t)
    now, since = _lasting(phases[-1].phase) if phases else "loading", 0.0
    for phase in reversed(phases):
        if _lasting(phase.phase) != now:
            break
        since = phase.t
    start = minute * MINUTE_SECONDS
    mood = mood_at(moment.state.at(max(start, since)))
    return replace(mood, phase=now) if since > start else mood


def _lasting(phase: PhaseName) -> PhaseName:
    return phase if phase in _LASTING else "training"


def line_for(mood: Mood, seed: str, longest: int = LONGEST) -> str:
    """The line that a mood and a seed lead to."""
    number = zlib.crc32(seed.encode("utf-8", "replace"))
    fitting = [word.text for word in WORDS if word.fits is not None and word.fits(mood)]
    always = [word.text for word in WORDS if word.fits is None]
    # What is generally true of learning is not what one says to somebody who is asleep, or done.
    lines = fitting if fitting and (number % 3 or not _trains(mood)) else always
    lines = [line for line in lines if len(line) <= longest] or lines
    return lines[number // 3 % len(lines)]


def mood_at(moment: Moment) -> Mood:
    """What is going on at a moment."""
    vitals, verdict, held, energy = moment.vitals, moment.verdict, holding_now(moment), moment.energy
    card = _card(vitals)
    fans = [] if card is None else [fan.percent for fan in card.fans if fan.percent is not None]
    host = vitals.host if vitals is not None else None
    total = moment.total_steps
    return Mood(
        phase=moment.phase,
        verdict=verdict.verdict if verdict is not None else "",
        status=moment.status,
        held_by=held.cause if held is not None else "",
        celsius=card.temperature_celsius if card is not None else host.temperature_celsius if host else None,
        fan_percent=max(fans, default=None),
        joules=energy.joules if energy is not None else 0.0,
        hour=time.localtime(wall_time_at(moment)).tm_hour,
        share=moment.step / total if total else 0.0,
        minutes=moment.t / 60,
        rescues=moment.state.rescues.count_until(moment.t),
        samples=moment.state.samples.count_until(moment.t),
        turns=sum(command.status == "applied" and command.command_id != 0 for command in moment.commands[-20:]),
        on_card=moment.started is not None and not moment.started.device.startswith("cpu"),
        on_battery=host is not None and host.plugged_in is False,
    )


def _card(vitals: Vitals | None) -> GpuReading | None:
    """The card that trains, else the first one."""
    gpus = vitals.gpus if vitals is not None else ()
    return next((card for card in gpus if card.trains), gpus[0] if gpus else None)
