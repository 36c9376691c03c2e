"""What a model writes and predicts between two steps of its training, put on record as it comes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace

from babytrain.engine.config import ConfigError, check_field
from babytrain.engine.prompts import PreparedPrompt, prepare_prompt
from babytrain.engine.sampling import generate, new_reader, next_tokens
from babytrain.engine.token_choice import DamagedWeightsError, SamplingSettings
from babytrain.engine.workbench import Workbench
from babytrain.runs.events import Predicted, Sample, SamplePiece

PIECES_PER_SECOND = 15.0
PREDICTED_TOKENS = 8


def write_due_samples(bench: Workbench) -> None:
    """A text for each of the run's own prompts, so that texts of different steps compare."""
    for prompt in (bench.config.prompt, *filter(None, bench.config.more_prompts.split("|"))):
        if bench.feed.stop_requested.is_set():
            return  # a text without a letter would be the newest there is
        if problem := write_sample(bench, prompt, asked=False):
            bench.recorder.note(f"No sample at this step: {problem}.", "warning")


def write_sample(
    bench: Workbench,
    wanted_prompt: str,
    wish: Mapping[str, float | int] | None = None,
    *,
    asked: bool,
    given_up: Callable[[], bool] = lambda: False,
) -> str:
    """Write a text, showing it piece by piece. Returns why not, or nothing.

    Settings and seed are the run's own, so that samples compare across steps, but for what the `wish` has. It ends
    where it stands when it is `given_up`, and is not begun then.
    """
    if given_up():
        return "it was given up before its first letter"
    config = bench.config
    drawn = dict(wish or {})
    tokens, seed = int(drawn.pop("tokens", config.sample_tokens)), int(drawn.pop("seed", config.seed))
    try:
        settings = replace(SamplingSettings.of(config), **drawn)  # type: ignore[arg-type]  # checked by the settings
    except ConfigError as error:
        return "; ".join(problem.rstrip(".") for problem in error.problems)
    if problem := check_field("sample_tokens", tokens) or check_field("seed", seed):
        return problem.rstrip(".")
    bench.enter("sampling")
    prompt = _prepared(bench, wanted_prompt)
    began = time.perf_counter()
    bench.progress.samples += 1

    def over() -> bool:
        return bench.feed.stop_requested.is_set() or given_up()

    writing = generate(bench.model, prompt.ids, settings, max_tokens=tokens, seed=seed, device=bench.device, stop=over)
    try:
        text = _written(bench, prompt, writing)
    except DamagedWeightsError as error:  # the guard looks after those
        return str(error).rstrip(".")
    sample = Sample(
        t=bench.recorder.now(),
        step=bench.progress.step,
        sample_id=bench.progress.samples,
        prompt=prompt.text,
        text=text,
        seed=seed,
        seconds=time.perf_counter() - began,
        asked=asked,
        **asdict(settings),
    )
    bench.recorder.emit(sample)
    bench.examiner.read(sample)
    return ""


def _written(bench: Workbench, prompt: PreparedPrompt, tokens: Iterable[int]) -> str:
    """The text of `tokens` as they come, shown some times a second. Raises what `tokens` raises."""
    tokenizer, progress = bench.corpus.tokenizer, bench.progress
    shown = time.perf_counter()
    ids: list[int] = []
    for token in tokens:
        ids.append(token)
        now = time.perf_counter()
        if now - shown >= 1 / PIECES_PER_SECOND:
            shown = now
            bench.recorder.emit(
                SamplePiece(
                    t=bench.recorder.now(),
                    step=progress.step,
                    sample_id=progress.samples,
                    prompt=prompt.text,
                    text=tokenizer.decode(ids),
                )
            )
    return tokenizer.decode(ids)


def predict(bench: Workbench, wanted_prompt: str) -> str:
    """Show the likeliest tokens after a text, with their probabilities. Returns why not, or nothing."""
    tokenizer = bench.corpus.tokenizer
    prompt = _prepared(bench, wanted_prompt)
    try:
        tokens, shares = next_tokens(new_reader(bench.model, bench.device), prompt.ids, PREDICTED_TOKENS)
    except DamagedWeightsError as error:  # the guard looks after those
        return str(error).rstrip(".")
    bench.feed.publish(
        Predicted(
            t=bench.recorder.now(),
            step=bench.progress.step,
            prompt=prompt.text,
            tokens=tuple(tokenizer.token_text(int(token)) for token in tokens),
            probabilities=tuple(float(share) for share in shares),
        )
    )
    return ""


def _prepared(bench: Workbench, wanted: str) -> PreparedPrompt:
    """A prompt the model can read; what had to be changed is noted."""
    corpus = bench.corpus
    prompt = prepare_prompt(wanted, corpus.tokenizer, bench.model.context, start=corpus.first_prompt)
    for note in prompt.notes:
        bench.recorder.note(note, "warning")
    return prompt
