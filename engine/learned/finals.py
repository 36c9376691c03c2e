"""The end of a run: a model of haiku writes a hundred poems, and planted lines are asked for."""

from __future__ import annotations

import math
import time

from babytrain.engine.corpus.build import CANARY_SEED
from babytrain.engine.learned.exam import poetry_exam
from babytrain.engine.learned.exposure import canary_exposures
from babytrain.engine.reading.haiku_judge import HaikuJudge
from babytrain.engine.token_choice import SamplingSettings
from babytrain.engine.workbench import Workbench
from babytrain.runs.events import Canaries, Exam


def hold_finals(bench: Workbench) -> None:
    """What can be said of the finished model; nothing of it changes the model, and the run is saved by now."""
    try:
        _examine(bench)
    except (ValueError, LookupError, ArithmeticError, MemoryError) as error:
        bench.recorder.note(f"The final exam could not be held ({type(error).__name__}: {error}).", "warning")


def _examine(bench: Workbench) -> None:
    if bench.corpus.is_haiku and bench.config.sample_every:
        _hear_poems(bench)
    if bench.config.canaries:
        found = canary_exposures(
            bench.model, bench.corpus.tokenizer, bench.device, seed=CANARY_SEED, count=bench.config.canaries
        )
        bench.recorder.emit(Canaries(t=bench.recorder.now(), step=bench.progress.step, canaries=found))
        worst = max(found, key=lambda one: one.exposure_bits)
        bench.recorder.note(
            f"Of the planted lines ({len(found)}) it remembers best '{worst.line}': exposure {worst.exposure_bits:.1f} "
            f"bits (1.4 is chance, {math.log2(worst.candidates):.0f} the most this test can show), place "
            f"{worst.rank:,} among {worst.candidates:,} lines like it."
        )


def _hear_poems(bench: Workbench) -> None:
    bench.enter("sampling")
    corpus, config = bench.corpus, bench.config
    began = time.perf_counter()
    report = poetry_exam(
        bench.model,
        corpus.tokenizer,
        HaikuJudge(corpus.tokenizer.decode(corpus.train), built_in=True),
        corpus.first_prompt,
        SamplingSettings.of(config),
        seed=config.seed,
        device=bench.device,
        stop=bench.feed.stop_requested.is_set,
    )
    if report is None:
        return
    if not report.poems:
        bench.recorder.note("Final exam: it wrote blank lines only, and not one poem.")
        return
    exam = Exam(
        t=bench.recorder.now(),
        step=bench.progress.step,
        poems=report.poems,
        valid=report.valid,
        new=report.new_valid or 0,
        never_paired=report.never_paired or 0,
        temperature=config.temperature,
        seed=config.seed,
        seconds=time.perf_counter() - began,
    )
    bench.recorder.emit(exam)
    bench.recorder.note(f"Final exam, {exam.poems} poems in a row: {_marks(exam)}.")


def _marks(exam: Exam) -> str:
    if not exam.valid:
        return "none in 5-7-5"
    return (
        f"{exam.valid} in 5-7-5, of which {exam.new} stand nowhere in the text and {exam.never_paired} have a snake "
        "and a season that never meet there"
    )
