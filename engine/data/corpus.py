"""Builds the corpus of a run from its config and paths: token arrays, tokenizer, facts.

Choices: the split is nanoGPT's, the last share of the characters is validation (for the built-in haiku rounded down to
a whole poem); the character vocabulary covers both parts.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from babytrain.engine.config.errors import CorpusError
from babytrain.engine.config.settings import Config
from babytrain.engine.data.canaries import make_canaries, plant_canaries
from babytrain.engine.data.haiku.grammar import floor_nats_per_character
from babytrain.engine.data.text_sources import SourceText, builtin_text, read_sources
from babytrain.engine.data.tokenizer import (
    StoredTokens,
    Tokenizer,
    character_name,
    starting_prompt,
    text_pieces,
    used_characters,
)
from babytrain.engine.data.tokenizer_factory import train_tokenizer
from babytrain.engine.data.window_order import MOST_WHOLE_TOKENS, SAMPLED_TOKENS
from babytrain.runs.events import CorpusInfo
from babytrain.runs.store.kept_text import pack_text

CANARY_SEED = 1  # not the run's: the text must not depend on training settings


@dataclass(frozen=True)
class Corpus:
    """A text ready to train on. `train` and `val` are token numbers, shape (tokens,)."""

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


def read_run_text(config: Config, paths: Sequence[str] = (), stdin: bytes | None = None) -> SourceText:
    """The text of `paths`, `-` for the bytes in `stdin`; without paths the built-in one. Raises CorpusError."""
    if paths:
        return read_sources(paths, stdin=stdin, as_bytes=config.tokenizer == "byte", field=config.text_field)
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
    source = source or read_run_text(config, paths, stdin)
    is_haiku = not paths and config.corpus == "haiku"
    try:
        utf8 = source.text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        raise CorpusError(
            [f"The text {source.name} has half characters (lone surrogates): save it as UTF-8."]
        ) from None
    source = replace(source, text="")  # so that the two are not held at once
    characters = sum(map(len, text_pieces(utf8)))
    train_text, val_text = _split(utf8, characters, config.val_fraction, whole_documents=is_haiku)
    if config.canaries:
        canaries = make_canaries(CANARY_SEED, config.canaries)
        train_text = plant_canaries(_whole(train_text), canaries, CANARY_SEED).encode("utf-8", "surrogateescape")
    try:
        if tokenizer is None:
            if config.tokenizer == "char":
                learned_from = used_characters(train_text, val_text)
            else:
                learned_from = _whole(train_text) if config.tokenizer == "bpe" else ""
            tokenizer = train_tokenizer(config.tokenizer, learned_from, config.vocabulary)
        train, val = tokenizer.encode_utf8(train_text), tokenizer.encode_utf8(val_text)
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
    # The grammar is ASCII, so characters are bytes; the mean length of its bpe tokens is not known exactly.
    knows_floor = is_haiku and not config.canaries and tokenizer.kind in ("char", "byte")
    facts = CorpusInfo(
        name=source.name,
        sha256=hashlib.sha256(utf8).hexdigest(),
        characters=characters,
        train_tokens=len(train),
        val_tokens=len(val),
        vocabulary_size=tokenizer.vocabulary_size,
        tokenizer=tokenizer.kind,
        characters_per_token=characters / (len(train) + len(val)),
        floor_nats_per_token=floor_nats_per_character() if knows_floor else None,
    )
    prompt = config.prompt or starting_prompt(tokenizer)
    packed = pack_text(utf8, config.kept_text_megabytes * 1_000_000)
    notes = source.notes + _sameness_notes(train)
    return Corpus(source.name, facts.sha256, tokenizer, train, val, facts, prompt, is_haiku, notes, packed)


def split_position(text: str, val_fraction: float, *, whole_documents: bool = False) -> int:
    """Where training ends and validation begins, in characters; `whole_documents` moves it back to a blank line."""
    cut = int(len(text) * (1 - val_fraction))
    if whole_documents:
        cut = text.rfind("\n\n", 0, cut) + 2
    return cut


def _split(
    utf8: bytes, characters: int, val_fraction: float, *, whole_documents: bool
) -> tuple[bytes | memoryview, memoryview]:
    """The training and the validation part, without a copy."""
    left = int(characters * (1 - val_fraction))
    if whole_documents:
        left = split_position(_whole(utf8), val_fraction, whole_documents=True)
    cut = 0
    for piece in text_pieces(utf8):
        cut += len(piece[:left].encode("utf-8", "surrogateescape"))
        left -= min(left, len(piece))
        if not left:
            break
    view = memoryview(utf8)
    return view[:cut], view[cut:]


def _whole(utf8: bytes | memoryview) -> str:
    return str(utf8, "utf-8", "surrogateescape")


def corpus_summary(corpus: Corpus) -> str:
    """One sentence for the log."""
    facts = corpus.facts
    unit = {"char": "characters", "byte": "bytes", "bpe": "bpe tokens"}[facts.tokenizer]
    floor = facts.floor_nats_per_token
    known = "" if floor is None else f"; no model can get below {floor:.3f} nats"
    sampled = ""
    if facts.val_tokens > MOST_WHOLE_TOKENS:
        sampled = f"; each evaluation reads about {SAMPLED_TOKENS:,} of those, the same ones every time"
    return (
        f"{corpus.name}: {facts.characters:,} characters, {facts.train_tokens:,} {unit} to learn from and "
        f"{facts.val_tokens:,} to be judged by, {facts.vocabulary_size:,} different ones{known}{sampled}."
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
    if config.tokenizer == "bpe":
        ways.append("set tokenizer=char, which makes more tokens of the same text")
    ways.append("give more text")
    learned = "1 token" if train == 1 else f"{train:,} tokens"
    return [
        f"The text {name} is too short: {learned} to learn from and {val:,} kept for validation, where context="
        f"{config.context} needs {need:,} of each; {', or '.join(ways)}."
    ]


def _listed(characters: str) -> str:
    more = f" and {len(characters) - 12} more" if len(characters) > 12 else ""
    names = (name if (name := character_name(char)) != char else f"{char!r}" for char in characters[:12])
    return ", ".join(names) + more


def _sameness_notes(train: StoredTokens) -> tuple[str, ...]:
    """A sentence about a text that is one token over and over."""
    if train.min() != train.max():
        return ()
    return (
        "The text to learn from is one token over and over, so there is nothing to learn: every guess is right from "
        "the first steps, and the loss says nothing.",
    )
