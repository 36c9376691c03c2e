"""Runs made from a script: the same events every time, without torch, a disk or a clock."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty
from typing import Any

from babytrain.engine.data.tokenizer import CharTokenizer
from babytrain.engine.generation.prompts import PreparedPrompt, drop_unknown_characters, prepare_prompt
from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.runs.events import (
    AnyEvent,
    Checkpoint,
    Command,
    CorpusInfo,
    Ended,
    Eval,
    GuardEvent,
    HostReading,
    LogMessage,
    Phase,
    Predicted,
    Request,
    Sample,
    SamplePiece,
    Started,
    Step,
    SuggestedCommand,
    Verdict,
    Vitals,
)
from babytrain.runs.events.sampling_options import parse_sampling_options
from babytrain.runs.state.live_feed import LiveFeed
from babytrain.runs.state.run_state import RunState
from babytrain.tui.engine_client.client import NewRunOptions, PresetChoice
from babytrain.tui.engine_client.engine_thread import TrainingSession
from babytrain.tui.engine_client.errors import UsageError
from babytrain.tui.engine_client.validation import check_changes
from tests.timeouts import LONGEST_WAIT_SECONDS

REPLY = " leaps into\nthe quiet pond\n\nanother"
LETTERS = CharTokenizer("\n abcdefghijklmnopqrstuvwxyz/'")
WALL_TIME = 1_700_000_000.0
STEP_SECONDS = 0.05
TOKENS_PER_STEP = 768
HAIKU = "a snake in the grass\ncoils around the morning sun\nthe old frog forgets"
# What a model writes after 100, 200, ... steps.
SAMPLES = (
    "thae oo n snrse\nitn lo  eafo",
    "the sanl in tha gars\nroud the wen mon",
    "a snake in the grass\nthe old wind of the mornin",
    "a snake in the grass\ncoils around the old moon\nand the fog",
    "a snake in the grass\ncoils around the morning sun\nthe old fog forgets",
    HAIKU,
)

CONFIG: dict[str, Any] = {
    "corpus": "haiku",
    "context": 64,
    "batch_size": 12,
    "accumulate": 1,
    "weight_decay": 0.1,
    "dropout": 0.0,
    "clip": 1.0,
    "label_smoothing": 0.0,
    "beta1": 0.9,
    "beta2": 0.99,
    "window_shift": 0.0,
    "token_noise": 0.0,
    "optimizer": "adamw",
    "schedule": "cosine",
    "warmup": 50,
    "lr": 3e-3,
    "eval_every": 100,
    "sample_every": 100,
    "checkpoint_every": 250,
    "sample_tokens": 200,
    "minutes": 0.0,
}


def started(total_steps: int = 1500, name: str = "ziggy", **changes: Any) -> Started:
    facts: dict[str, Any] = {
        "t": 0.0,
        "step": 0,
        "schema": 1,
        "run_id": f"{name}-20231114-221320",
        "name": name,
        "wall_time": WALL_TIME,
        "config": CONFIG,
        "corpus": CorpusInfo(
            name="haiku",
            sha256="0" * 64,
            characters=600_000,
            train_tokens=540_000,
            val_tokens=60_000,
            vocabulary_size=40,
            tokenizer="char",
            floor_nats_per_token=0.9,
        ),
        "parameters": 801_024,
        "total_steps": total_steps,
        "steps_per_epoch": 540_000 / TOKENS_PER_STEP,
        "tokens_per_step": TOKENS_PER_STEP,
        "device": "cpu",
    }
    return Started(**(facts | changes))


def loss_at(step: int) -> float:
    """A believable curve with a little repeatable noise."""
    noise = math.sin(step * 12.9898) * 0.06 + math.sin(step * 3.7) * 0.04
    return 1.25 + 2.4 * math.exp(-step / 120) + 0.5 * math.exp(-step / 700) + noise


def learning_rate_at(step: int, total_steps: int) -> float:
    if step < 50:
        return 3e-3 * (step + 1) / 50
    return 3e-3 * (0.1 + 0.45 * (1 + math.cos(math.pi * step / total_steps)))


def train_step(step: int, t: float, total_steps: int) -> Step:
    return Step(
        t=t,
        step=step,
        loss=loss_at(step),
        learning_rate=learning_rate_at(step, total_steps),
        gradient_norm=0.6 + 0.3 * abs(math.sin(step)),
        tokens=step * TOKENS_PER_STEP,
        step_seconds=STEP_SECONDS * (1 + 0.02 * math.sin(step)),
    )


def reading(t: float, step: int) -> Vitals:
    return Vitals(
        t=t,
        step=step,
        host=HostReading(
            cpu_percent=80 + 10 * math.sin(t),
            core_percents=(85.0, 40.0, 30.0, 20.0),
            memory_used_bytes=6 * 2**30,
            memory_total_bytes=16 * 2**30,
            process_memory_bytes=700 * 2**20,
            temperature_celsius=62 + 3 * math.sin(t / 7),
        ),
        gpu_note="No NVIDIA card here: training on the processor.",
    )


def script(steps: int = 620, total_steps: int = 1500) -> list[AnyEvent]:
    """The first `steps` steps of a run, with everything that happens on the way."""
    events: list[AnyEvent] = [started(total_steps), Phase(t=0.0, step=0, phase="training")]
    best = math.inf
    t = 0.0
    second = 0.0
    for step in range(1, steps + 1):
        t += STEP_SECONDS
        events.append(train_step(step, t, total_steps))
        if t >= second:
            second += 1.0
            events.append(reading(t, step))
        if step % 100 == 0:
            t += 0.4
            val_loss = loss_at(step) + 0.08 + step / 12_000
            events.append(
                Eval(t=t, step=step, val_loss=val_loss, train_loss=val_loss - 0.1, seconds=0.4, best=val_loss < best)
            )
            if val_loss < best:
                best = val_loss
            t += 0.3
            events.append(
                Sample(
                    t=t,
                    step=step,
                    sample_id=step,
                    prompt="",
                    text=SAMPLES[min(step // 100, len(SAMPLES)) - 1],
                    seed=step,
                    temperature=0.8,
                    seconds=0.3,
                )
            )
        if step % 250 == 0:
            t += 0.1
            events.append(
                Checkpoint(t=t, step=step, directory=f"checkpoints/step-{step:06d}", reason="cadence", seconds=0.1)
            )
        if step == 330:
            events.append(
                Command(t=t, step=step, command_id=1, action="lr_scale", status="applied", value=0.5, after=0.5)
            )
    events.append(LogMessage(t=t, step=steps, level="info", text="cpu, 1 thread, fp32"))
    return events


def troubled(steps: int = 620) -> list[AnyEvent]:
    """A run whose dials were turned, that was rescued, and that a diagnosis has advice for."""
    events = script(steps)
    t = events[-1].t
    at: dict[str, Any] = {"t": t, "step": steps}
    return [
        *events,
        Command(
            t=t,
            step=420,
            command_id=2,
            action="set",
            status="applied",
            dial="dropout",
            value=0.1,
            before=0.0,
            after=0.1,
        ),
        Command(**at, command_id=3, action="set", status="applied", dial="schedule", text="constant"),
        GuardEvent(**at, cause="spike", action="skipped", text=f"A step was left out: the loss jumped (step {steps})."),
        Verdict(
            **at,
            verdict="overfitting",
            why="val loss rose by 0.06 (95%: 0.03 to 0.09) since step 500, while train fell by 0.04.",
            next_="More dropout may help; the best checkpoint is kept.",
            advice=SuggestedCommand(label="stop, keep the best of step 500", action="stop"),
            alternative=SuggestedCommand(label="go back to step 500", action="rollback", text="best"),
        ),
        Command(
            **at,
            command_id=4,
            action="set",
            status="refused",
            dial="batch_size",
            value=9000.0,
            reason="a step of 9,000 windows is more than the 4,100 the text has",
        ),
    ]


def ending(events: Iterable[AnyEvent], status: str = "done", reason: str = "all steps done") -> Ended:
    newest = max(events, key=lambda event: event.t)
    return Ended(
        t=newest.t,
        step=newest.step,
        status=status,  # type: ignore[arg-type]
        reason=reason,
        tokens=newest.step * TOKENS_PER_STEP,
        tokens_per_second=15_000.0,
        val_loss=1.6,
        best_val_loss=1.58,
        best_step=newest.step,
    )


def state_from(events: Iterable[AnyEvent]) -> RunState:
    state = RunState()
    state.apply_all(events)
    return state


def publish(feed: LiveFeed, events: Iterable[AnyEvent]) -> None:
    """What an engine does: steps into the shared columns, everything else onto the queue."""
    for event in events:
        if isinstance(event, Step):
            feed.steps.append_step(event)
        else:
            feed.events.put(event)


@dataclass
class ScriptedSession:
    """Publishes its events, then waits; answers every request at the step it stands at. Never busy."""

    events: list[AnyEvent] = field(default_factory=script)
    feed: LiveFeed = field(default_factory=LiveFeed)
    run_dir: Path | None = None
    error: str | None = None
    fail_with: str | None = None
    answers: bool = True  # whether requests are answered
    ends: bool = True  # whether the end is put on record
    requests: list[Request] = field(default_factory=list)
    started: threading.Event = field(default_factory=threading.Event)
    may_end: threading.Event = field(default_factory=threading.Event)  # holds back the end, as a slow disk would
    may_write: threading.Event = field(default_factory=threading.Event)  # holds back the second half of a text
    ended: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_end.set()
        self.may_write.set()

    def run(self) -> None:
        publish(self.feed, self.events)
        self.started.set()
        if self.fail_with is not None:
            self.error = self.fail_with
            if self.events:
                self.feed.events.put(ending(self.events, "failed", self.fail_with))
        else:
            self._apply_requests()
            self.may_end.wait(LONGEST_WAIT_SECONDS)
            if self.ends:
                self.feed.events.put(ending(self.events, "interrupted", "stopped by you"))
        self.ended.set()

    def _apply_requests(self) -> None:
        """Apply and answer requests until a stop, whichever way that comes."""
        while not self.feed.stop_requested.is_set():
            try:
                request = self.feed.requests.get(timeout=0.05)
            except Empty:
                continue
            if self.answers:
                self._answer(request)
            self.requests.append(request)
            if request.action == "stop":
                return

    def _answer(self, request: Request) -> None:
        newest = max(self.events, key=lambda event: event.t)
        at: dict[str, Any] = {"t": newest.t, "step": newest.step}
        if request.action == "predict":
            tokens, shares = zip(*predicted_tokens(request.text), strict=True)
            self.feed.events.put(Predicted(**at, prompt=request.text, tokens=tokens, probabilities=shares))
        elif request.action == "sample" and request.dial:
            self._write(request, at)
        self.feed.events.put(
            Command(
                **at,
                command_id=request.command_id,
                action=request.action,
                status="applied",
                value=request.value,
                text=request.text,
                dial=request.dial,
            )
        )
        if request.action in ("pause", "advance"):
            self.feed.events.put(Phase(**at, phase="paused"))
        elif request.action == "resume":
            self.feed.events.put(Phase(**at, phase="training"))

    def _write(self, request: Request, at: dict[str, Any]) -> None:
        """A text asked for with settings: half of it, and when `may_write` is set the whole, unless it is given up."""
        piece: dict[str, Any] = {**at, "sample_id": 900 + request.command_id, "prompt": request.text}
        self.feed.events.put(SamplePiece(**piece, text=REPLY[:9], talk=True))
        given_up = False
        while not given_up and not self.may_write.wait(0.02):
            given_up = request.command_id in self.feed.cancelled
        options = parse_sampling_options(request.dial)
        self.feed.events.put(
            Sample(
                **piece,
                text=REPLY[:9] if given_up else REPLY,
                seed=int(options["seed"]),
                temperature=options["temperature"],
                top_k=int(options["top_k"]),
                seconds=0.1,
                requested=True,
                talk=True,
            )
        )


def predicted_tokens(text: str) -> list[tuple[str, float]]:
    """What a scripted model thinks comes next."""
    if text.endswith("hell"):
        return [
            ("o", 0.81),
            ("e", 0.06),
            (" ", 0.04),
            ("\n", 0.03),
            ("s", 0.02),
            ("i", 0.01),
            ("\x1b", 0.004),
            ("句", 0.0),
        ]
    return [("e", 0.31), (" ", 0.2), ("a", 0.11), ("h", 0.07), ("o", 0.05), ("\n", 0.04), ("t", 0.03), ("m", 0.02)]


@dataclass
class ScriptedModel:
    """A saved model that writes what a test says; reads lower case letters, some signs, and 32 of them at a time."""

    step: int = 500
    notes: tuple[str, ...] = ()
    context: int = 32
    replies: list[str] = field(default_factory=list)
    read: list[str] = field(default_factory=list)
    requests: list[tuple[SamplingSettings, int, int]] = field(default_factory=list)
    may_write: threading.Event = field(default_factory=threading.Event)  # held back after its first letter until set
    problem: str = ""
    failure: Exception | None = None  # raised after the first letter, and by a prediction

    def __post_init__(self) -> None:
        self.may_write.set()

    def without_unknown(self, text: str) -> tuple[str, tuple[str, ...]]:
        return drop_unknown_characters(text, LETTERS)

    def prepare(self, prompt: str) -> PreparedPrompt:
        return prepare_prompt(prompt, LETTERS, self.context)

    def generate(
        self, prompt: PreparedPrompt, settings: SamplingSettings, *, max_tokens: int, seed: int
    ) -> Iterator[str]:
        if self.problem:
            raise UsageError([self.problem])
        self.read.append(prompt.text)
        self.requests.append((settings, max_tokens, seed))
        for number, char in enumerate(self.replies.pop(0) if self.replies else REPLY):
            if number == 1:
                self.may_write.wait(LONGEST_WAIT_SECONDS)
                if self.failure is not None:
                    raise self.failure
            yield char

    def likeliest(self, prompt: PreparedPrompt, count: int) -> list[tuple[str, float]]:
        if self.failure is not None:
            raise self.failure
        return predicted_tokens(prompt.text)[:count]


@dataclass
class ScriptedEngineClient:
    """Hands out scripted sessions and remembers what was asked for."""

    runs_dir: Path
    make: Callable[[], TrainingSession] = ScriptedSession
    new_runs: list[NewRunOptions] = field(default_factory=list)
    resumed: list[Path] = field(default_factory=list)
    forked: list[tuple[str, str, dict[str, Any], bool]] = field(default_factory=list)
    refusal: str = ""
    fork_refusals: tuple[str, ...] = ()
    steps_when_asked: list[int | None] = field(default_factory=list)
    sessions: list[TrainingSession] = field(default_factory=list)
    saved: ScriptedModel = field(default_factory=ScriptedModel)
    loaded: list[tuple[str, str]] = field(default_factory=list)  # run folder and checkpoint of each model asked for
    may_load: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self.may_load.set()

    def load_model(self, run_dir: Path, at: str) -> ScriptedModel:
        self.loaded.append((run_dir.name, at))
        self.may_load.wait(LONGEST_WAIT_SECONDS)
        if self.refusal:
            raise UsageError([self.refusal])
        return self.saved

    def prompt_reader(self, run_dir: Path, context: int) -> ScriptedModel:
        return ScriptedModel(context=context)

    def presets(self) -> list[PresetChoice]:
        return [
            PresetChoice("baby", "0.8M parameters, learns haiku in a minute or two"),
            PresetChoice("toddler", "about 3M parameters, for a quarter of an hour"),
        ]

    def new_run(self, options: NewRunOptions) -> TrainingSession:
        if self.refusal:
            raise UsageError([self.refusal])
        self.new_runs.append(options)
        return self._session()

    def resume(self, run_dir: Path) -> TrainingSession:
        if self.refusal:
            raise UsageError([self.refusal])
        self.resumed.append(run_dir)
        return self._session()

    def fork_problems(self, run_dir: Path, at: str, changes: Mapping[str, Any], *, step: int | None) -> list[str]:
        self.steps_when_asked.append(step)
        return list(self.fork_refusals)

    def fork(self, run_dir: Path, at: str, changes: Mapping[str, Any], *, read_now: bool) -> TrainingSession:
        if self.refusal:
            raise UsageError([self.refusal])
        self.forked.append((run_dir.name, at, check_changes(changes), read_now))
        return self._session()

    def _session(self) -> TrainingSession:
        session = self.make()
        self.sessions.append(session)
        return session
