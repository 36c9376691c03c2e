"""The text of an earlier run and its tokenizer, for a session that goes on with them.

The text is the one kept with the run; where none is (an older run, a text too large) the original paths are read again,
and their text must have the same hash.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from babytrain.engine.config.build import config_of_run
from babytrain.engine.config.errors import CorpusError, EngineError
from babytrain.engine.config.settings import SETTINGS, Config
from babytrain.engine.data.corpus import Corpus, build_corpus
from babytrain.engine.data.text_bytes import MOST_STREAM_BYTES
from babytrain.engine.data.text_sources import SourceText
from babytrain.engine.data.tokenizer import Tokenizer, make_visible
from babytrain.engine.data.tokenizer_factory import load_tokenizer
from babytrain.engine.execution.memory_estimate import check_text_fits
from babytrain.runs.files.regular_files import read_regular_file
from babytrain.runs.store.folder import RunFolder
from babytrain.runs.store.kept_text import has_kept_text, keep_text, read_kept_text

TOKENIZER_FROM = "tokenizer_from"  # in `run.toml`: the run whose tokenizer this one has
STDIN_COPY = "corpus.txt"  # standard input as it came, where its text is not kept otherwise
_MEGABYTE = 1_000_000


@dataclass(frozen=True)
class RunText:
    """What a session reads. Without a `source` these are the `paths`, `-` for `stdin`, or the built-in corpus."""

    paths: tuple[str, ...] = ()
    stdin: bytes | None = None
    source: SourceText | None = None
    tokenizer: Tokenizer | None = None  # None: one is trained on the text
    sha256: str = ""  # that the text must have; "" for any
    warnings: tuple[str, ...] = ()

    def corpus(self, config: Config, *, any_text: bool = False) -> Corpus:
        """The corpus. Raises EngineError when the text is not the one it was, unless `any_text` will do."""
        try:
            if self.source is None:
                check_text_fits(self.paths, config.tokenizer)
            corpus = build_corpus(config, self.paths, self.stdin, source=self.source, tokenizer=self.tokenizer)
        except CorpusError as error:
            raise CorpusError([*self.warnings, *error.problems]) from error
        if self.sha256 and corpus.sha256 != self.sha256 and not any_text:
            where = ", ".join(self.paths) or corpus.name
            raise EngineError(
                [
                    *self.warnings,
                    f"The text of this run has changed since ({where}) and was not kept with it: put the old text "
                    "back, or go on with the new one by fork --text.",
                ]
            )
        return corpus


def text_of_run(folder: RunFolder, saved: Mapping[str, Any], provenance: Mapping[str, Any]) -> RunText:
    """The text that a run learned from, by the two tables of its `run.toml`. Raises EngineError."""
    paths = tuple(str(path) for path in provenance.get("paths", []))
    sha256 = str(provenance.get("sha256", "unknown"))
    config = config_of_run(saved)
    limit = max(config.kept_text_megabytes, int(SETTINGS["kept_text_megabytes"].default))
    utf8, problem = read_kept_text(folder, sha256, limit * _MEGABYTE)
    source = None
    if utf8 is not None:
        name = make_visible(str(provenance.get("text_name") or folder.name))
        source = SourceText(name, str(utf8, "utf-8", "surrogateescape"))
    warnings = []
    if problem:
        warnings.append(
            f"The text kept with this run is not as it was, so it is read from its original place: {problem}."
        )
    stdin = _read_stdin_copy(folder) if source is None and "-" in paths else None
    return RunText(paths, stdin, source, _tokenizer_of(folder, config.tokenizer, provenance), sha256, tuple(warnings))


def keep_text_of(folder: RunFolder, corpus: Corpus, config: Config, text: RunText) -> str:
    """Keep the text in the folder of a run. Returns a sentence when that was not done, or "". Raises OSError."""
    paths = text.paths
    if has_kept_text(folder):
        return ""
    why = f"it is larger than {config.kept_text_megabytes} MB, the limit kept_text_megabytes"
    if not config.kept_text_megabytes:
        why = "kept_text_megabytes is 0"
    elif corpus.packed_text:
        try:
            keep_text(folder, corpus.packed_text)
        except OSError as error:
            why = f"{error.strerror or error}"
        else:
            return ""
    if "-" in paths:
        if config.kept_text_megabytes and text.stdin is not None:
            (folder.path / STDIN_COPY).write_bytes(text.stdin)
            return ""
        meaning = "and it came from standard input, so the run cannot be resumed, forked or repeated"
    elif paths:
        meaning = f"so it can be resumed, forked and repeated only while {', '.join(paths)} stays as it is"
    else:
        meaning = "so it is made or downloaded again for a resume, a fork or a rerun"
    return f"The text is not kept with this run ({why}), {meaning}."


def _read_stdin_copy(folder: RunFolder) -> bytes:
    file = folder.path / STDIN_COPY
    try:
        return read_regular_file(file, MOST_STREAM_BYTES)
    except OSError as error:
        raise EngineError([f"The text of this run, {file}, cannot be read: {error.strerror or error}."]) from error


def read_tokenizer(folder: RunFolder) -> Tokenizer:
    """The tokenizer of a run. Raises EngineError."""
    return load_tokenizer(folder.tokenizer_file)


def _tokenizer_of(folder: RunFolder, kind: str, provenance: Mapping[str, Any]) -> Tokenizer | None:
    """The tokenizer that a run has from another one, or a bpe; None: one is trained on the text. Raises EngineError."""
    if TOKENIZER_FROM in provenance:
        return read_tokenizer(folder)
    try:
        return read_tokenizer(folder) if kind == "bpe" else None
    except EngineError:
        return None
