"""The end of a run: a model of haiku writes a hundred poems, and planted lines are asked for."""

from __future__ import annotations

import math
import time

from babytrain.engine.config import Config
from babytrain.engine.corpus.build import CANARY_SEED, Corpus
from babytrain.engine.learned.exam import poetry_exam
from babytrain.engine.learned.exposure import canary_exposures
from babytrain.engine.model.gpt import GPT
from babytrain.engine.reading.haiku_judge import HaikuJudge
from babytrain.engine.recorder import Recorder, RunOutput
from babytrain.engine.token_choice import SamplingSettings
from babytrain.runs.events import Canaries, Exam


def final_evaluation(model: GPT, config: Config, corpus: Corpus, output: RunOutput) -> None:
    """What can be said of the finished model; nothing of it changes the model, and the run is saved by now."""
    try:
        if corpus.is_haiku and config.sample_every:
            _write_poems(model, config, corpus, output)
        if config.canaries:
            _measure_canaries(model, config, corpus, output.recorder)
    except (ValueError, LookupError, ArithmeticError, MemoryError) as error:
        output.recorder.note(f"The final exam could not be held ({type(error).__name__}: {error}).", "warning")


def _measure_canaries(model: GPT, config: Config, corpus: Corpus, recorder: Recorder) -> None:
    device = model.token_embedding.device
    found = canary_exposures(model, corpus.tokenizer, device, seed=CANARY_SEED, count=config.canaries)
    recorder.emit(Canaries(t=recorder.now(), step=recorder.step, canaries=found))
    worst = max(found, key=lambda canary: canary.exposure_bits)
    recorder.note(
        f"Of the planted lines ({len(found)}) it remembers best '{worst.line}': exposure {worst.exposure_bits:.1f} "
        f"bits (1.4 is chance, {math.log2(worst.candidates):.0f} the most this test can show), place "
        f"{worst.rank:,} among {worst.candidates:,} lines like it."
    )


def _write_poems(model: GPT, config: Config, corpus: Corpus, output: RunOutput) -> None:
    recorder = output.recorder
    recorder.enter("sampling")
    began = time.perf_counter()
    report = poetry_exam(
        model,
        corpus.tokenizer,
        HaikuJudge(corpus.tokenizer.decode(corpus.train), built_in=True),
        corpus.first_prompt,
        SamplingSettings.of(config),
        seed=config.seed,
        device=model.token_embedding.device,
        stop=output.feed.stop_requested.is_set,
    )
    if report is None:
        return
    if not report.poems:
        recorder.note("Final exam: it wrote blank lines only, and not one poem.")
        return
    exam = Exam(
        t=recorder.now(),
        step=recorder.step,
        poems=report.poems,
        valid=report.valid,
        new=report.new_valid or 0,
        never_paired=report.never_paired or 0,
        temperature=config.temperature,
        seed=config.seed,
        seconds=time.perf_counter() - began,
    )
    recorder.emit(exam)
    recorder.note(f"Final exam, {exam.poems} poems in a row: {_marks(exam)}.")


def _marks(exam: Exam) -> str:
    if not exam.valid:
        return "none in 5-7-5"
    return (
        f"{exam.valid} in 5-7-5, of which {exam.new} stand nowhere in the text and {exam.never_paired} have a snake "
        "and a season that never meet there"
    )
