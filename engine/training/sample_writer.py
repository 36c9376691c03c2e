"""Writes samples between two training steps, and predicts the next tokens of a text."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, replace

from babytrain.engine.config.build import check_value
from babytrain.engine.config.errors import ConfigError
from babytrain.engine.data.corpus import Corpus
from babytrain.engine.generation.generate import generate, likeliest_tokens, new_decoder
from babytrain.engine.generation.prompts import PreparedPrompt, prepare_prompt
from babytrain.engine.generation.sampling import DamagedWeightsError, SamplingSettings
from babytrain.engine.training.recorder import Recorder
from babytrain.engine.training.train_state import TrainState
from babytrain.runs.errors import error_reason, is_out_of_memory
from babytrain.runs.events import Predicted, Sample, SamplePiece

PIECES_PER_SECOND = 15.0
PREDICTED_TOKENS = 8


class SampleWriter:
    """Writes the samples of one run; calls `on_sample` with each finished one."""

    def __init__(
        self, state: TrainState, recorder: Recorder, corpus: Corpus, on_sample: Callable[[Sample], None]
    ) -> None:
        self._state, self._recorder, self._corpus = state, recorder, corpus
        self._on_sample = on_sample

    def write_due(self, *, written: int = 0) -> None:
        """Write a text for each prompt in the settings but the first `written`. What a stop cuts short is left out."""
        config = self._state.config
        for prompt in (config.prompt, *filter(None, config.extra_prompts.split("|")))[written:]:
            if self._recorder.feed.stop_requested.is_set():
                return  # they are written when the run goes on
            if problem := self.write(prompt, requested=False):
                self._recorder.note(f"No sample at this step: {problem}.", "warning")

    def write(
        self,
        wanted_prompt: str,
        changes: Mapping[str, float | int] | None = None,
        *,
        requested: bool,
        is_cancelled: Callable[[], bool] = lambda: False,
    ) -> str:
        """Write a text, publishing it piece by piece. Returns why that failed, or "".

        Settings and seed are the run's, so that samples compare across steps, except for `changes`. Ends at the next
        token once `is_cancelled` returns True.
        """
        if is_cancelled():
            return "it was given up before its first letter"
        state, recorder, config = self._state, self._recorder, self._state.config
        drawn = dict(changes or {})
        tokens, seed = int(drawn.pop("tokens", config.sample_tokens)), int(drawn.pop("seed", config.seed))
        talk = bool(drawn.pop("talk", 0))
        try:
            settings = replace(SamplingSettings.of(config), **drawn)  # type: ignore[arg-type]  # checked by the settings
        except ConfigError as error:
            return "; ".join(problem.rstrip(".") for problem in error.problems)
        if problem := check_value("sample_tokens", tokens) or check_value("seed", seed):
            return problem.rstrip(".")
        recorder.enter("sampling")
        prompt = self._prepared(wanted_prompt)
        began = time.perf_counter()
        state.progress.samples += 1

        def stop() -> bool:
            return recorder.is_stopping() or is_cancelled()

        ids = generate(state.model, prompt.ids, settings, max_tokens=tokens, seed=seed, device=state.device, stop=stop)
        try:
            text, count = self._decoded(prompt, ids, talk=talk)
        except DamagedWeightsError as error:  # the guard handles those
            return str(error).rstrip(".")
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            return error_reason(error)
        if not requested and count < tokens and recorder.feed.stop_requested.is_set():
            state.progress.samples -= 1
            return ""
        sample = Sample(
            t=recorder.now(),
            step=state.progress.step,
            sample_id=state.progress.samples,
            prompt=prompt.text,
            text=text,
            seed=seed,
            seconds=time.perf_counter() - began,
            requested=requested,
            talk=talk,
            **asdict(settings),
        )
        recorder.emit(sample)
        if not talk:
            self._on_sample(sample)
        return ""

    def predict(self, wanted_prompt: str) -> str:
        """Publish the likeliest tokens after a text and their probabilities. Returns why that failed, or ""."""
        state, tokenizer = self._state, self._corpus.tokenizer
        prompt = self._prepared(wanted_prompt)
        try:
            tokens, probabilities = likeliest_tokens(
                new_decoder(state.model, state.device), prompt.ids, PREDICTED_TOKENS
            )
        except DamagedWeightsError as error:  # the guard handles those
            return str(error).rstrip(".")
        self._recorder.feed.publish(
            Predicted(
                t=self._recorder.now(),
                step=state.progress.step,
                prompt=prompt.text,
                tokens=tuple(tokenizer.token_text(int(token)) for token in tokens),
                probabilities=tuple(probabilities.tolist()),
            )
        )
        return ""

    def _decoded(self, prompt: PreparedPrompt, tokens: Iterable[int], *, talk: bool) -> tuple[str, int]:
        """The text of `tokens` and how many there are, published a few times a second. Raises what `tokens` raises."""
        tokenizer, progress, recorder = self._corpus.tokenizer, self._state.progress, self._recorder
        shown = time.perf_counter()
        ids: list[int] = []
        for token in tokens:
            ids.append(token)
            now = time.perf_counter()
            if now - shown >= 1 / PIECES_PER_SECOND:
                shown = now
                recorder.emit(
                    SamplePiece(
                        t=recorder.now(),
                        step=progress.step,
                        sample_id=progress.samples,
                        prompt=prompt.text,
                        text=tokenizer.decode(ids),
                        talk=talk,
                    )
                )
        return tokenizer.decode(ids), len(ids)

    def _prepared(self, wanted: str) -> PreparedPrompt:
        prompt = prepare_prompt(
            wanted, self._corpus.tokenizer, self._state.model.context, start=self._corpus.first_prompt
        )
        for note in prompt.notes:
            self._recorder.note(note, "warning")
        return prompt
