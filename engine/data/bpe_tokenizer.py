"""Byte-level BPE with the `tokenizers` library, trained on the text of the run.

Choices: GPT-2's pre-tokenizer without a prefix space, all 256 bytes in the alphabet (so nothing is unknown), no special
tokens. Long texts are encoded in pieces, because the library needs many times the memory of a text. A file may come
from a stranger: only its vocabulary and merges are read, and never its normalizers, patterns and decoders.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from babytrain.engine.data.tokenizer import (
    BpeTokenizerFile,
    TokenIds,
    Tokenizer,
    check_ids,
    find_lone_surrogates,
    make_visible,
    unknown_characters_sentence,
)

# Before the import: the library would warn about forked processes, and its threads would slow down the training thread.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import tokenizers

SMALLEST_VOCABULARY = 257  # 256 bytes and one merge; below that it is the byte tokenizer
LARGEST_VOCABULARY = 65_536
LONGEST_TOKEN = 4_096  # characters
_PIECE_CHARACTERS = 1_000_000
# The pre-tokenizer always splits between a single line break and a word.
_CUT = re.compile(r"(?<=\S\n)(?=\S)")


def _bytes_of_alphabet() -> dict[str, int]:
    """The byte of each character of the library's byte-level alphabet.

    GPT-2's table: printable characters below 256 are their own byte, those from 256 on are the other bytes in order.
    """
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    others = iter(sorted(set(range(256)) - {ord(char) for char in alphabet}))
    return {char: ord(char) if ord(char) < 256 else next(others) for char in alphabet}


_BYTE_OF = _bytes_of_alphabet()


class _ModelPart(msgspec.Struct):
    """What is read of the library's JSON of a model. Old versions write a merge as one text with a space."""

    type: Literal["BPE"]
    vocab: dict[str, int]
    merges: list[tuple[str, str] | str]


class _LibraryFile(msgspec.Struct):
    """What is read of the library's JSON of a tokenizer."""

    model: _ModelPart


class BpeTokenizer(Tokenizer):
    """Byte-level BPE around a `tokenizers.Tokenizer`."""

    kind = "bpe"

    def __init__(self, library: tokenizers.Tokenizer) -> None:
        self._library = library
        self.vocabulary_size = library.get_vocab_size()

    @classmethod
    def from_library(cls, document: dict[str, Any]) -> BpeTokenizer:
        """Build it from the vocabulary and the merges in the library's JSON. Raises ValueError when they do not fit."""
        try:
            model = msgspec.convert(document, _LibraryFile).model
        except (msgspec.ValidationError, RecursionError) as error:
            raise ValueError(f"This is not a bpe tokenizer file: {error}.") from error
        merges = [_pair(merge) for merge in model.merges]
        if problem := _problem(model.vocab, merges):
            raise ValueError(f"This is not a bpe tokenizer file: {problem}.")
        return cls(_library_around(tokenizers.models.BPE(model.vocab, merges)))

    def encode(self, text: str) -> TokenIds:
        """Token numbers as int64, shape (tokens,). Raises ValueError for lone surrogates."""
        if unknown := self.unknown_characters(text):
            raise ValueError(unknown_characters_sentence(unknown))
        pieces = [np.array(self._library.encode(piece).ids, dtype=np.int64) for piece in split_text(text)]
        return np.concatenate([np.empty(0, dtype=np.int64), *pieces])

    def decode(self, ids: npt.ArrayLike) -> str:
        """The text of token numbers; broken UTF-8 becomes U+FFFD. Raises ValueError for unknown numbers."""
        checked = check_ids(ids, self.vocabulary_size)
        text: str = self._library.decode(checked.tolist(), skip_special_tokens=False)
        return text

    def unknown_characters(self, text: str) -> str:
        """Lone surrogates; every real character can be encoded."""
        return find_lone_surrogates(text)

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token. Raises ValueError for unknown numbers."""
        (checked,) = check_ids([token], self.vocabulary_size)
        return bytes(_BYTE_OF[char] for char in self._library.id_to_token(int(checked)) or "")

    def token_text(self, token: int) -> str:
        """The text of one token made visible; part of a character as the escapes of its bytes."""
        if "\ufffd" not in self.decode([token]):
            return super().token_text(token)
        return make_visible(self.token_bytes(token).decode("utf-8", "backslashreplace"))

    def to_json(self) -> str:
        """The kind and the library's JSON."""
        library = msgspec.json.decode(self._library.to_str(), type=dict[str, Any])
        return msgspec.json.encode(BpeTokenizerFile(library)).decode()


def _pair(merge: tuple[str, str] | str) -> tuple[str, str]:
    if not isinstance(merge, str):
        return merge
    left, _, right = merge.partition(" ")
    return left, right


def _problem(vocabulary: dict[str, int], merges: list[tuple[str, str]]) -> str:
    """What is wrong with a vocabulary or the merges, as part of a sentence, or ""."""
    size = len(vocabulary)
    if not len(_BYTE_OF) <= size <= LARGEST_VOCABULARY:
        return f"its vocabulary has {size:,} tokens, and {len(_BYTE_OF)} to {LARGEST_VOCABULARY:,} are allowed"
    if not _BYTE_OF.keys() <= vocabulary.keys():
        return "its vocabulary lacks one of the 256 bytes"
    if set(vocabulary.values()) != set(range(size)):
        return f"its tokens are not numbered 0 to {size - 1:,}"
    if any(len(token) > LONGEST_TOKEN or not _BYTE_OF.keys() >= set(token) for token in vocabulary):
        return f"a token is longer than {LONGEST_TOKEN:,} characters, or none of bytes"
    if len(merges) >= LARGEST_VOCABULARY or not all(
        vocabulary.keys() >= {left, right, left + right} for left, right in merges
    ):
        return "a merge does not give a token of two others"
    return ""


def _library_around(model: tokenizers.models.BPE) -> tokenizers.Tokenizer:
    library = tokenizers.Tokenizer(model)
    library.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    library.decoder = tokenizers.decoders.ByteLevel()
    return library


def train_bpe(text: str, vocabulary: int) -> BpeTokenizer:
    """Learn at most `vocabulary` tokens from `text`. Raises ValueError for fewer than 257, or for raw bytes."""
    if vocabulary < SMALLEST_VOCABULARY:
        raise ValueError(
            f"A bpe vocabulary needs at least {SMALLEST_VOCABULARY} tokens (256 bytes and one merge), not {vocabulary};"
            " use tokenizer=byte for less."
        )
    if unknown := find_lone_surrogates(text):
        raise ValueError(unknown_characters_sentence(unknown))
    library = _library_around(tokenizers.models.BPE())
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocabulary,
        initial_alphabet=sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet()),
        special_tokens=[],
        max_token_length=LONGEST_TOKEN,
        show_progress=False,
    )
    library.train_from_iterator(split_text(text), trainer=trainer)
    return BpeTokenizer(library)


def split_text(text: str, characters: int = _PIECE_CHARACTERS) -> Iterator[str]:
    """Pieces of about `characters` characters whose tokens in a row are the tokens of the whole text."""
    start = 0
    while len(text) - start > characters:
        cut = _CUT.search(text, start + characters)
        if cut is None:
            break
        yield text[start : cut.start()]
        start = cut.start()
    yield text[start:]
