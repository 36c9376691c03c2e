"""Builds the corpus of a run from its config and paths: token arrays, tokenizer, facts.

Choices: the split is nanoGPT's, the last share of the characters is validation (for the built-in haiku rounded down to
a whole poem); the character vocabulary covers both parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from babytrain.engine.config.errors import CorpusError
from babytrain.engine.config.settings import Config
from babytrain.engine.data.canaries import make_canaries, plant_canaries
from babytrain.engine.data.haiku.grammar import floor_nats_per_character
from babytrain.engine.data.text_sources import SourceText, builtin_text, read_sources
from babytrain.engine.data.tokenizer import Tokenizer, starting_prompt
from babytrain.engine.data.tokenizer_factory import train_tokenizer
from babytrain.runs.events import CorpusInfo
from babytrain.runs.store.kept_text import pack_text

CANARY_SEED = 1  # not the run's: the text must not depend on training settings
StoredTokens = npt.NDArray[Any]  # uint16, or int32 for vocabularies above 65,536


@dataclass(frozen=True)
class Corpus:
    """A text ready to train on. `train` and `val` are token numbers, uint16 (or int32), shape (tokens,)."""

    name: str
    sha256: str  # of the UTF-8 text
    tokenizer: Tokenizer
    train: StoredTokens
    val: StoredTokens
    facts: CorpusInfo
    first_prompt: str  # the prompt of samples when none is set
    is_haiku: bool = False  # the built-in corpus
    notes: tuple[str, ...] = ()  # sentences about what was changed while reading
    packed_text: bytes = b""  # to be kept with the run, empty when it is too large for that


def read_text(config: Config, paths: Sequence[str] = (), stdin: bytes | None = None) -> SourceText:
    """The text of `paths`, `-` for the bytes in `stdin`; without paths the built-in one. Raises CorpusError."""
    if paths:
        return read_sources(paths, stdin=stdin, as_bytes=config.tokenizer == "byte")
    return builtin_text(config.corpus)


def build_corpus(
    config: Config,
    paths: Sequence[str] = (),
    stdin: bytes | None = None,
    *,
    source: SourceText | None = None,
    tokenizer: Tokenizer | None = None,
) -> Corpus:
    """The corpus of `paths`, `-` for the bytes in `stdin`; without paths the built-in one that `config` names.

    A `source` that was read before replaces them, and a `tokenizer` the one that would be trained. Raises CorpusError
    with one sentence for each problem.
    """
    source = source or read_text(config, paths, stdin)
    is_haiku = not paths and config.corpus == "haiku"
    cut = split_position(source.text, config.val_fraction, whole_documents=is_haiku)
    train_text, val_text = source.text[:cut], source.text[cut:]
    if config.canaries:
        train_text = plant_canaries(train_text, make_canaries(CANARY_SEED, config.canaries), CANARY_SEED)
    try:
        if tokenizer is None:
            learned_from = train_text + val_text if config.tokenizer == "char" else train_text
            tokenizer = train_tokenizer(config.tokenizer, learned_from, config.vocabulary)
        train, val = _stored(tokenizer, train_text), _stored(tokenizer, val_text)
    except ValueError as error:
        raise CorpusError([str(error)]) from error
    problems = _length_problems(config, source.name, len(train), len(val))
    if unknown := tokenizer.unknown_characters(config.prompt + config.extra_prompts.replace("|", "")):
        problems.append(
            f"The text never has {_listed(unknown)}, so the model cannot read them: change the prompt, or train with "
            "tokenizer=byte, which reads everything."
        )
    if problems:
        raise CorpusError(problems)
    facts = _facts(source, tokenizer, len(train), len(val), is_haiku=is_haiku and not config.canaries)
    prompt = config.prompt or starting_prompt(tokenizer)
    packed = pack_text(source.text.encode("utf-8", "surrogateescape"), config.kept_text_megabytes * 1_000_000)
    return Corpus(source.name, facts.sha256, tokenizer, train, val, facts, prompt, is_haiku, source.notes, packed)


def split_position(text: str, val_fraction: float, *, whole_documents: bool = False) -> int:
    """Where training ends and validation begins, in characters; `whole_documents` moves it back to a blank line."""
    cut = int(len(text) * (1 - val_fraction))
    if whole_documents:
        cut = text.rfind("\n\n", 0, cut) + 2
    return cut


def corpus_summary(corpus: Corpus) -> str:
    """One sentence for the log."""
    facts = corpus.facts
    unit = {"char": "characters", "byte": "bytes", "bpe": "bpe tokens"}[facts.tokenizer]
    floor = facts.floor_nats_per_token
    known = "" if floor is None else f"; no model can get below {floor:.3f} nats"
    return (
        f"{corpus.name}: {facts.characters:,} characters, {facts.train_tokens:,} {unit} to learn from and "
        f"{facts.val_tokens:,} to be judged by, {facts.vocabulary_size:,} different ones{known}."
    )


def _stored(tokenizer: Tokenizer, text: str) -> StoredTokens:
    ids = tokenizer.encode(text)
    return ids.astype(np.uint16 if tokenizer.vocabulary_size <= 2**16 else np.int32)


def _facts(source: SourceText, tokenizer: Tokenizer, train: int, val: int, *, is_haiku: bool) -> CorpusInfo:
    # The grammar is ASCII, so characters are bytes; the mean length of its bpe tokens is not known exactly.
    exact = is_haiku and tokenizer.kind in ("char", "byte")
    return CorpusInfo(
        name=source.name,
        sha256=hashlib.sha256(source.text.encode("utf-8", "surrogateescape")).hexdigest(),
        characters=len(source.text),
        train_tokens=train,
        val_tokens=val,
        vocabulary_size=tokenizer.vocabulary_size,
        tokenizer=tokenizer.kind,
        characters_per_token=len(source.text) / (train + val),
        floor_nats_per_token=floor_nats_per_character() if exact else None,
    )


def _length_problems(config: Config, name: str, train: int, val: int) -> list[str]:
    """A problem unless both parts hold a window: `context` tokens and one to predict."""
    need = config.context + 1
    if train >= need and val >= need:
        return []
    least = min(train, val) - 1
    ways = [f"set context to {least} or less"] if least >= 2 else []
    share = need / (train + val)
    if share * 1.1 < 0.5 and val < need <= train:
        ways.append(f"set val_fraction to {share * 1.1:.3f} or more")
    ways.append("give more text")
    return [
        f"The text {name} is too short: {train:,} tokens to learn from and {val:,} kept for validation, where context="
        f"{config.context} needs {need:,} of each; {' or '.join(ways)}."
    ]


def _listed(characters: str) -> str:
    return " ".join(ascii(char) if not char.isprintable() else f"{char!r}" for char in characters[:12])
