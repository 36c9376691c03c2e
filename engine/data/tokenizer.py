"""The tokenizer interface, and the tokenizers for characters and bytes.

Choices: all share one JSON file format, checked by msgspec. Undecodable bytes are lone surrogates in Python text
(`surrogateescape`), so the byte tokenizer reproduces any file. numpy encodes and decodes a megabyte in milliseconds.
"""

from __future__ import annotations

import abc
import codecs
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

import msgspec
import numpy as np
import numpy.typing as npt

from babytrain.engine.config.settings import TokenizerKind


def make_visible(text: str) -> str:
    """`text` on one line: escapes for control characters and raw bytes, a bent arrow for a line break."""
    return "".join(char if char.isprintable() else "⏎" if char == "\n" else ascii(char)[1:-1] for char in text)


_BLANK_NAMES = {" ": "space", "\n": "line break", "\t": "tab"}

TokenIds: TypeAlias = npt.NDArray[np.int64]
StoredTokens: TypeAlias = npt.NDArray[Any]  # uint8, int16 or int32, the smallest type for the vocabulary
_PIECE_BYTES = 2**18  # its code points and token numbers stay in the cache of a core


class Tokenizer(abc.ABC):
    """The interface of tokenizers. Tokens are numbered 0 to `vocabulary_size - 1`; `kind` is as in the settings."""

    kind: TokenizerKind
    vocabulary_size: int

    @abc.abstractmethod
    def encode(self, text: str) -> TokenIds:
        """Token numbers as int64, shape (tokens,). Raises ValueError listing characters it cannot encode."""

    def encode_utf8(self, utf8: bytes | memoryview) -> StoredTokens:
        """Token numbers of a whole text, shape (tokens,). Raises ValueError listing characters it cannot encode."""
        return self.encode(str(utf8, "utf-8", "surrogateescape")).astype(smallest_type(self.vocabulary_size))

    @abc.abstractmethod
    def decode(self, ids: npt.ArrayLike) -> str:
        """The text of token numbers; bytes that are not UTF-8 become U+FFFD. Raises ValueError for unknown numbers."""

    @abc.abstractmethod
    def unknown_characters(self, text: str) -> str:
        """The characters of `text` that cannot be encoded, each once, in order of appearance."""

    def token_bytes(self, token: int) -> bytes:
        """The bytes of one token: part of a character where a token is less than one. Raises ValueError."""
        return self.decode([token]).encode("utf-8")

    def token_text(self, token: int) -> str:
        """One token made visible on one line: control characters as escapes, a line break as a bent arrow."""
        return make_visible(self.decode([token]))

    @abc.abstractmethod
    def to_json(self) -> str:
        """JSON for `tokenizer_from_json`."""


class CharTokenizerFile(msgspec.Struct, tag="char", tag_field="kind", forbid_unknown_fields=True):
    """`tokenizer.json` of a `CharTokenizer`."""

    characters: str


class ByteTokenizerFile(msgspec.Struct, tag="byte", tag_field="kind", forbid_unknown_fields=True):
    """`tokenizer.json` of a `ByteTokenizer`, which has only its kind."""


class BpeTokenizerFile(msgspec.Struct, tag="bpe", tag_field="kind", forbid_unknown_fields=True):
    """`tokenizer.json` of a `BpeTokenizer`."""

    tokenizer: dict[str, Any]  # the JSON of the `tokenizers` library


class CharTokenizer(Tokenizer):
    """One token per character; the vocabulary is `characters`, in that order."""

    kind = "char"

    def __init__(self, characters: str) -> None:
        if not characters or len(set(characters)) != len(characters):
            raise ValueError("A character vocabulary needs at least one character, and each only once.")
        if find_lone_surrogates(characters):
            raise ValueError("A character vocabulary cannot hold raw bytes; use tokenizer=byte for such a text.")
        self.characters = characters
        self.vocabulary_size = len(characters)
        self._codes = code_points(characters)
        # Code point -> token, -1 for none; at most 4.5 MB, with characters of the last Unicode plane.
        self._table = np.full(int(self._codes.max()) + 2, -1, dtype=np.int64)
        self._table[self._codes] = np.arange(len(characters))

    def encode(self, text: str) -> TokenIds:
        """Token numbers as int64, shape (characters,). Raises ValueError listing characters it cannot encode."""
        ids = self._lookup(text)
        if ids.size and ids.min() < 0:
            raise ValueError(unknown_characters_sentence(self.unknown_characters(text)))
        return ids

    def encode_utf8(self, utf8: bytes | memoryview) -> StoredTokens:
        """As `encode`, piece by piece."""
        tokens = np.empty(len(utf8), dtype=smallest_type(self.vocabulary_size))
        done = 0
        for piece in text_pieces(utf8):
            tokens[done : done + len(piece)] = self.encode(piece)
            done += len(piece)
        return tokens[:done]

    def decode(self, ids: npt.ArrayLike) -> str:
        """The characters of token numbers. Raises ValueError for numbers outside the vocabulary."""
        return self._codes[check_ids(ids, self.vocabulary_size)].tobytes().decode("utf-32-le")

    def unknown_characters(self, text: str) -> str:
        """The characters of `text` outside the vocabulary, each once, in order of appearance."""
        ids = self._lookup(text)
        if not ids.size or ids.min() >= 0:
            return ""
        return "".join(dict.fromkeys(text[position] for position in np.flatnonzero(ids < 0)))

    def to_json(self) -> str:
        """The kind and the characters."""
        return msgspec.json.encode(CharTokenizerFile(self.characters)).decode()

    def _lookup(self, text: str) -> TokenIds:
        # The last entry of the table is always -1: larger code points are clipped to it.
        return self._table.take(_small_codes(text), mode="clip")


class ByteTokenizer(Tokenizer):
    """One token per byte of the UTF-8 text: 256 tokens."""

    kind = "byte"
    vocabulary_size = 256

    def encode(self, text: str) -> TokenIds:
        """Token numbers as int64, shape (bytes,). Raises ValueError for lone surrogates that are no byte."""
        try:
            data = text.encode("utf-8", "surrogateescape")
        except UnicodeEncodeError:
            raise ValueError(unknown_characters_sentence(self.unknown_characters(text))) from None
        return np.frombuffer(data, dtype=np.uint8).astype(np.int64)

    def encode_utf8(self, utf8: bytes | memoryview) -> StoredTokens:
        """The bytes themselves."""
        return np.frombuffer(utf8, dtype=np.uint8).copy()  # torch wants memory that can be written

    def decode(self, ids: npt.ArrayLike) -> str:
        """The text of bytes; what is not UTF-8 becomes U+FFFD. Raises ValueError for numbers above 255."""
        return check_ids(ids, 256).astype(np.uint8).tobytes().decode("utf-8", errors="replace")

    def unknown_characters(self, text: str) -> str:
        """Lone surrogates that are no byte."""
        return "".join(char for char in find_lone_surrogates(text) if not "\udc80" <= char <= "\udcff")

    def token_bytes(self, token: int) -> bytes:
        """The byte. Raises ValueError for numbers above 255."""
        return check_ids([token], 256).astype(np.uint8).tobytes()

    def token_text(self, token: int) -> str:
        """A printable ASCII character, else an escape of the byte."""
        (byte,) = check_ids([token], 256)
        return make_visible(chr(byte)) if byte < 0x80 else f"\\x{byte:02x}"

    def to_json(self) -> str:
        """The kind."""
        return msgspec.json.encode(ByteTokenizerFile()).decode()


def starting_prompt(tokenizer: Tokenizer) -> str:
    """The prompt of a text without one: a blank line, or the first token if line breaks cannot be encoded."""
    return tokenizer.decode([0]) if tokenizer.unknown_characters("\n") else "\n\n"


def smallest_type(vocabulary_size: int) -> type[np.integer[Any]]:
    """The type that stores the tokens of a vocabulary; torch can take windows of each on every device."""
    return np.uint8 if vocabulary_size <= 2**8 else np.int16 if vocabulary_size <= 2**15 else np.int32


def text_pieces(utf8: bytes | memoryview) -> Iterator[str]:
    """A text in order, piece by piece. What is not UTF-8 becomes lone surrogates (`surrogateescape`).

    As one string it would take four bytes for every character as soon as one of them is an emoji.
    """
    start, view = 0, memoryview(utf8)
    while start < len(view):
        end = start + _PIECE_BYTES
        piece, used = codecs.utf_8_decode(view[start:end], "surrogateescape", end >= len(view))
        yield piece
        start += used


def used_characters(*texts: bytes | memoryview) -> str:
    """The different characters of UTF-8 texts, in order of their code points."""
    used = np.zeros(0x110000, dtype=np.bool_)
    for utf8 in texts:
        for piece in text_pieces(utf8):
            used[_small_codes(piece)] = True
    return np.flatnonzero(used).astype("<u4").tobytes().decode("utf-32-le", "surrogatepass")


def check_ids(ids: npt.ArrayLike, vocabulary_size: int) -> TokenIds:
    """Token numbers as int64, shape (n,). Raises ValueError for one outside the vocabulary."""
    array = np.asarray(ids, dtype=np.int64).reshape(-1)
    if array.size and not 0 <= int(array.min()) <= int(array.max()) < vocabulary_size:
        raise ValueError(f"Tokens are numbered 0 to {vocabulary_size - 1}; there is one outside of that.")
    return array


def find_lone_surrogates(text: str) -> str:
    """Lone surrogates (raw bytes, or broken input), each once."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return "".join(dict.fromkeys(char for char in text if "\ud800" <= char <= "\udfff"))
    return ""


def unknown_characters_sentence(characters: Iterable[str]) -> str:
    """One printable sentence that names characters a tokenizer does not know."""
    unknown = [character_name(char) for char in characters]
    shown = " ".join(unknown[:12]) + (f" and {len(unknown) - 12} more" if len(unknown) > 12 else "")
    noun = "this character" if len(unknown) == 1 else "these characters"
    return f"The model has never seen {noun}: {shown}."


def character_name(char: str) -> str:
    """A character for a sentence: itself, or the name of a blank or invisible one."""
    if char in _BLANK_NAMES:
        return _BLANK_NAMES[char]
    if char.isprintable() and not unicodedata.combining(char):
        return char
    name = unicodedata.name(char, "").lower()
    return f"{name} (U+{ord(char):04X})" if name else make_visible(char)


def code_points(text: str) -> npt.NDArray[np.uint32]:
    """The code points of `text`, shape (characters,), lone surrogates included."""
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), dtype="<u4")


def _small_codes(text: str) -> npt.NDArray[np.uint8] | npt.NDArray[np.uint32]:
    """As `code_points`, but a byte each for ASCII, which is several times as fast."""
    return np.frombuffer(text.encode("ascii"), dtype=np.uint8) if text.isascii() else code_points(text)
