"""What a model writes and predicts between two steps of its training, put on record as it comes."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, replace

from babytrain.engine.config import ConfigError, check_field
from babytrain.engine.prompts import PreparedPrompt, prepare_prompt
from babytrain.engine.sampling import generate, new_reader, next_tokens
from babytrain.engine.token_choice import SamplingSettings
from babytrain.engine.workbench import Workbench
from babytrain.runs.events import Predicted, Sample, SamplePiece

PIECES_PER_SECOND = 15.0
PREDICTED_TOKENS = 8


def write_due_samples(bench: Workbench) -> None:
    """A text for each of the run's own prompts, so that texts of different steps compare."""
    for prompt in (bench.config.prompt, *filter(None, bench.config.more_prompts.split("|"))):
        write_sample(bench, prompt, asked=False)


def write_sample(
    bench: Workbench, wanted_prompt: str, wish: Mapping[str, float | int] | None = None, *, asked: bool
) -> str:
    """Write a text, showing it piece by piece. Returns why not, or nothing.

    Settings and seed are the run's own, so that samples compare across steps, but for what the `wish` has.
    """
    progress, config, tokenizer = bench.progress, bench.config, bench.corpus.tokenizer
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
    began, last_piece = time.perf_counter(), 0.0
    progress.samples += 1
    ids: list[int] = []
    for token in generate(
        bench.model,
        prompt.ids,
        settings,
        max_tokens=tokens,
        seed=seed,
        device=bench.device,
        stop=bench.feed.stop_requested.is_set,
    ):
        ids.append(token)
        elapsed = time.perf_counter() - began
        if elapsed - last_piece >= 1 / PIECES_PER_SECOND:
            last_piece = elapsed
            bench.recorder.emit(
                SamplePiece(
                    t=bench.recorder.now(),
                    step=progress.step,
                    sample_id=progress.samples,
                    prompt=prompt.text,
                    text=tokenizer.decode(ids),
                )
            )
    sample = Sample(
        t=bench.recorder.now(),
        step=progress.step,
        sample_id=progress.samples,
        prompt=prompt.text,
        text=tokenizer.decode(ids),
        seed=seed,
        seconds=time.perf_counter() - began,
        asked=asked,
        **asdict(settings),
    )
    bench.recorder.emit(sample)
    bench.examiner.read(sample)
    return ""


def predict(bench: Workbench, wanted_prompt: str) -> None:
    """Show the likeliest tokens after a text, with their probabilities."""
    tokenizer = bench.corpus.tokenizer
    prompt = _prepared(bench, wanted_prompt)
    tokens, shares = next_tokens(new_reader(bench.model, bench.device), prompt.ids, PREDICTED_TOKENS)
    bench.feed.publish(
        Predicted(
            t=bench.recorder.now(),
            step=bench.progress.step,
            prompt=prompt.text,
            tokens=tuple(tokenizer.token_text(int(token)) for token in tokens),
            probabilities=tuple(float(share) for share in shares),
        )
    )


def _prepared(bench: Workbench, wanted: str) -> PreparedPrompt:
    """A prompt the model can read; what had to be changed is noted."""
    corpus = bench.corpus
    prompt = prepare_prompt(wanted, corpus.tokenizer, bench.model.context, start=corpus.first_prompt)
    for note in prompt.notes:
        bench.recorder.note(note, "warning")
    return prompt
