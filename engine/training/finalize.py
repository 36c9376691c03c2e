"""How a session ends: the last checkpoint, the final evaluation, the `Ended` event, and the log of a crash."""

from __future__ import annotations

import math
import time
import traceback
from queue import Empty
from typing import Literal, TypeAlias

import msgspec

from babytrain.engine.analysis.final_evaluation import canary_exposures, evaluate_poems
from babytrain.engine.analysis.haiku import HaikuAnalyzer
from babytrain.engine.config.settings import Config
from babytrain.engine.data.corpus import CANARY_SEED, Corpus
from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.engine.model.gpt import GPT
from babytrain.engine.training.checkpoint_writer import CheckpointWriter
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.train_state import Progress
from babytrain.runs.errors import error_reason, is_out_of_memory
from babytrain.runs.events import Canaries, Command, Ended, FinalEvaluation
from babytrain.runs.files.atomic_write import write_atomically
from babytrain.runs.formatting import format_seconds
from babytrain.runs.store.folder import RunFolder

EndStatus: TypeAlias = Literal["done", "interrupted", "failed"]

ROOM_SECONDS = 900.0  # then the run ends without its last checkpoint
RETRY_SECONDS = 5.0
POLL_SECONDS = 0.05


def end_of_plan(progress: Progress, reason: str) -> tuple[EndStatus, str]:
    """How a run that nobody stopped is said to have ended: not as done where its model cannot be used."""
    if progress.val_loss is None or math.isfinite(progress.val_loss):
        return "done", reason
    sentence = f"The validation loss is {progress.val_loss}: the weights are of no use."
    if progress.best_step is None:
        return "failed", f"{sentence} Try again with a lower learning rate."
    return "failed", f"{sentence} Fork it at the best checkpoint (--at best) with a lower learning rate."


def save_last(checkpoints: CheckpointWriter, recorder: Recorder) -> str:
    """Write the last checkpoint; on a full disk wait for room. Returns why that failed, or ""."""
    problem = checkpoints.save("end")
    if problem is None:
        return ""
    began = time.monotonic()
    if not recorder.feed.stop_requested.is_set():
        recorder.note(
            f"The steps since the newest checkpoint are in memory alone. Make room, and they are saved by themselves; "
            f"it waits {format_seconds(ROOM_SECONDS)}. Ctrl-C gives them up.",
            "error",
        )
    while problem is not None and time.monotonic() - began < ROOM_SECONDS and _wait_for_room(recorder):
        problem = checkpoints.save("end")
    return "" if problem is None else problem[0].lower() + problem[1:].rstrip(".")


def _wait_for_room(recorder: Recorder) -> bool:
    """Wait some seconds, writing sensor readings meanwhile. False as soon as a stop is requested."""
    recorder.enter("stopping")
    until = time.monotonic() + RETRY_SECONDS
    while time.monotonic() < until:
        if recorder.feed.stop_requested.wait(POLL_SECONDS):
            return False
        _refuse_requests(recorder)
        recorder.write_handed_over()
    return True


def _refuse_requests(recorder: Recorder) -> None:
    """Refuse all requests but a stop, which is already in progress."""
    while True:
        try:
            request = recorder.feed.requests.get_nowait()
        except Empty:
            return
        stop = request.action == "stop"
        recorder.emit(
            Command(
                t=recorder.now(),
                step=recorder.step,
                command_id=request.command_id,
                action=request.action,
                status="applied" if stop else "refused",
                dial=request.dial,
                value=request.value,
                text=request.text,
                reason="" if stop else "the run is at its end and waits for room on the disk",
            )
        )


def record_end(recorder: Recorder, progress: Progress, status: EndStatus, reason: str) -> Ended:
    """Write the events of other threads, energy included, then the `Ended` event, which is the last."""
    recorder.write_handed_over(last=True)
    if problem := recorder.look_at_files(now=True):
        status, reason = _not_kept(status, reason, problem)
    ended = Ended(
        t=recorder.now(),
        step=progress.step,
        status=status,
        reason=reason,
        tokens=progress.tokens,
        tokens_per_second=progress.tokens / progress.training_seconds if progress.training_seconds else 0.0,
        val_loss=progress.val_loss,
        best_val_loss=progress.best_val_loss,
        best_step=progress.best_step,
    )
    recorder.emit(ended)
    if problem := recorder.look_at_files(now=True):  # taken away in the last second: the end must not claim it
        status, reason = _not_kept(status, reason, problem)
        return msgspec.structs.replace(ended, status=status, reason=reason)
    return ended


def _not_kept(status: EndStatus, reason: str, problem: str) -> tuple[EndStatus, str]:
    """How a run ended that has no folder."""
    return ("failed" if status == "done" else status), f"{reason}, but the run is not on the disk: {problem}"


def write_crash_log(folder: RunFolder, error: Exception) -> str:
    """Write the traceback into the run folder. Returns a sentence that says where, with a space before it, or ""."""
    details = folder.path / "crash.log"
    try:
        write_atomically(details, "".join(traceback.format_exception(error)).encode("utf-8", "backslashreplace"))
    except OSError:
        return ""
    return f" Details are in {details}."


def error_sentence(error: Exception, step: int | None = None) -> str:
    """The error in one sentence; `step` is None before the first event of a session."""
    if is_out_of_memory(error):
        return "There is not enough memory: try a smaller width or context, fewer layers, or less text."
    what = "Training could not be started" if step is None else f"Training broke at step {step:,}"
    return f"{what} ({error_reason(error)})."


def final_evaluation(model: GPT, config: Config, corpus: Corpus, recorder: Recorder) -> None:
    """Measure the finished model and record the results; call it after the run is saved."""
    try:
        if corpus.is_haiku and config.sample_every:
            _write_poems(model, config, corpus, recorder)
        if config.canaries:
            _measure_canaries(model, config, corpus, recorder)
    except (ValueError, LookupError, ArithmeticError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not is_out_of_memory(error):
            raise
        recorder.note(f"The final exam could not be held ({error_reason(error)}).", "warning")


def _measure_canaries(model: GPT, config: Config, corpus: Corpus, recorder: Recorder) -> None:
    device = model.token_embedding.device
    found = canary_exposures(model, corpus.tokenizer, device, seed=CANARY_SEED, count=config.canaries)
    recorder.emit(Canaries(t=recorder.now(), step=recorder.step, canaries=found))
    worst = max(found, key=lambda canary: canary.exposure_bits)
    by_chance = sum(1 / place for place in range(1, len(found) + 1)) / math.log(2)  # of the best of so many
    recorder.note(
        f"Of the planted lines ({len(found)}) it remembers best '{worst.line}': exposure {worst.exposure_bits:.1f} "
        f"bits ({by_chance:.1f} is chance, {math.log2(worst.candidates):.0f} the most this test can show), place "
        f"{worst.rank:,} among {worst.candidates:,} lines like it."
    )


def _write_poems(model: GPT, config: Config, corpus: Corpus, recorder: Recorder) -> None:
    recorder.enter("sampling")
    began = time.perf_counter()
    report = evaluate_poems(
        model,
        corpus.tokenizer,
        HaikuAnalyzer(corpus.tokenizer.decode(corpus.train), built_in=True),
        corpus.first_prompt,
        SamplingSettings.of(config),
        seed=config.seed,
        device=model.token_embedding.device,
        stop=recorder.is_stopping,
    )
    if report is None:
        return
    if not report.poems:
        recorder.note("Final exam: it wrote blank lines only, and not one poem.")
        return
    result = FinalEvaluation(
        t=recorder.now(),
        step=recorder.step,
        poems=report.poems,
        valid=report.valid,
        new=report.new_valid or 0,
        different=report.different_valid,
        unseen_pairs=report.unseen_pairs or 0,
        temperature=config.temperature,
        seed=config.seed,
        seconds=time.perf_counter() - began,
    )
    recorder.emit(result)
    recorder.note(f"Final exam, {result.poems} poems in a row: {_poem_results(result)}.")


def _poem_results(result: FinalEvaluation) -> str:
    if not result.valid:
        return "none in 5-7-5"
    repeated = f" ({result.different} different)" if result.different not in (None, result.valid) else ""
    return (
        f"{result.valid} in 5-7-5{repeated}, of which {result.new} stand nowhere in the text and {result.unseen_pairs} "
        "have a snake and a season that never meet there"
    )
