"""Loads a model and its tokenizer from a run folder to generate text."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from babytrain.engine.checkpoints.format import (
    CheckpointError,
    LoadedCheckpoint,
    best_checkpoint,
    check_checkpoint_fits,
    load_checkpoint,
    load_newest,
    named_checkpoint,
)
from babytrain.engine.config.build import config_of_run
from babytrain.engine.data.tokenizer import Tokenizer
from babytrain.engine.data.tokenizer_factory import load_tokenizer
from babytrain.engine.generation.generate import Decoder, generate, likeliest_tokens, new_decoder
from babytrain.engine.generation.prompts import PreparedPrompt
from babytrain.engine.generation.sampling import SamplingSettings
from babytrain.engine.model.gpt import GPT, build_model
from babytrain.runs.store.folder import RunFolder, read_run_toml


@dataclass
class CheckpointModel:
    """A trained model on the CPU. `notes` are sentences about newer checkpoints that cannot be read."""

    model: GPT
    tokenizer: Tokenizer
    step: int
    checkpoint: str  # the name of its folder
    default_prompt: str = ""
    notes: tuple[str, ...] = ()
    _decoder: Decoder | None = field(default=None, init=False, repr=False)

    def pieces(
        self, prompt: PreparedPrompt, settings: SamplingSettings, *, max_tokens: int, seed: int
    ) -> Iterator[str]:
        """The continuation of `prompt`, piece by piece. Raises DamagedWeightsError."""
        tokens = generate(self.model, prompt.ids, settings, max_tokens=max_tokens, seed=seed, device="cpu")
        return decode_pieces(tokens, self.tokenizer)

    def likeliest(self, prompt: PreparedPrompt, count: int) -> list[tuple[str, float]]:
        """The likeliest next tokens as visible text, and their probabilities. Raises DamagedWeightsError."""
        self._decoder = self._decoder or new_decoder(self.model, "cpu")
        tokens, probabilities = likeliest_tokens(self._decoder, prompt.ids, count)
        texts = [self.tokenizer.token_text(token) for token in tokens.tolist()]
        return list(zip(texts, probabilities.tolist(), strict=True))


def load_checkpoint_model(run_dir: Path, which: str = "best") -> CheckpointModel:
    """The model of a run from a checkpoint: "best", "last", a name given to one, a step, or its folder.

    "best" is the newest before there is a best. Raises EngineError or RunsError.
    """
    folder = RunFolder(run_dir)
    saved, _ = read_run_toml(folder)
    config = config_of_run(saved)
    tokenizer = load_tokenizer(folder.tokenizer_file)

    def check(found: LoadedCheckpoint) -> None:
        check_checkpoint_fits(found, config, tokenizer.vocabulary_size)

    checkpoint, notes = _load_checkpoint(folder.checkpoints, which.strip(), check)
    model = build_model(config, tokenizer.vocabulary_size, device="cpu", seed=config.seed)
    model.load_state_dict(checkpoint.model)
    model.eval()
    step = int(checkpoint.trainer["step"])
    return CheckpointModel(model, tokenizer, step, checkpoint.path.name, config.prompt, tuple(notes))


def decode_pieces(tokens: Iterable[int], tokenizer: Tokenizer) -> Iterator[str]:
    """The text of `tokens` in pieces of whole characters, each as soon as it is complete.

    Bytes that are not UTF-8 are lone surrogates (`surrogateescape`), so the exact bytes can be written to a file.
    """
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    for token in tokens:
        if text := decoder.decode(tokenizer.token_bytes(token)):
            yield text
    if rest := decoder.decode(b"", final=True):
        yield rest


def _load_checkpoint(
    checkpoints: Path, which: str, check: Callable[[LoadedCheckpoint], None]
) -> tuple[LoadedCheckpoint, list[str]]:
    """A checkpoint, and a sentence for each unreadable one before it. Raises CheckpointError or CheckpointNotFound."""
    notes: list[str] = []
    best = best_checkpoint(checkpoints) if which == "best" else None
    if which not in ("best", "last"):
        best = named_checkpoint(checkpoints, which)
    if best is not None:
        try:
            found = load_checkpoint(best)
            check(found)
            return found, []
        except CheckpointError as error:
            if which != "best":
                raise
            notes.append(str(error))
    newest, problems = load_newest(checkpoints, check)
    return newest, list(dict.fromkeys(notes + problems))
