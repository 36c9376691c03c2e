"""Documents from JSON lines, JSON arrays and tables: the text in one field of each, joined by a blank line.

The field is the setting `text_field`: `text` unless another is chosen; empty reads tables and `.json` as they are.
JSON lines need it; a table or `.json` without a field `text` is read as it is, with a note that names its fields.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from babytrain.engine.data.decode_text import DecodedText, without_byte_order_marks
from babytrain.engine.data.file_search import text_suffix
from babytrain.engine.data.tokenizer import find_lone_surrogates, make_visible

DEFAULT_FIELD = "text"
MOST_DOCUMENT_CHARACTERS = 16 * 2**20  # in a line of JSON or a cell
MOST_ARRAY_CHARACTERS = 64 * 2**20  # in a JSON array, which is read at once
_MOST_FIELDS_SHOWN = 12
_JSON_LINES, _JSON, _TABLE = (".jsonl", ".ndjson"), ".json", (".csv", ".tsv")
_ARRAY_START, _JSON_START = re.compile(r"\s*\["), re.compile(r"\s*[\[{]")


class DocumentsError(ValueError):
    """A file without the documents that were asked for. `fields`: those it has. `is_damaged`: it has the field."""

    def __init__(self, sentence: str, fields: tuple[str, ...] = (), *, is_damaged: bool = False) -> None:
        super().__init__(sentence)
        self.fields = fields
        self.is_damaged = is_damaged


def has_fields(path: Path | None) -> bool:
    """Whether a file (None: standard input) can have fields to choose from."""
    return path is None or text_suffix(path) in (*_JSON_LINES, _JSON, *_TABLE)


def extract_documents(decoded: DecodedText, path: Path | None, shown: str, field: str, *, partial: bool) -> DecodedText:
    """The documents in the text of a file, or the text itself if its kind has none. `partial`: only its beginning."""
    suffix = "" if path is None else text_suffix(path)
    chosen = field not in ("", DEFAULT_FIELD)
    is_json = suffix in (*_JSON_LINES, _JSON) or (path is None and bool(_JSON_START.match(decoded.text)))
    if suffix in _JSON_LINES:
        field = field or DEFAULT_FIELD
    elif not (chosen or (field and suffix in (_JSON, *_TABLE))) or not has_fields(path):
        return decoded
    notes: tuple[str, ...] = ()
    try:
        if is_json:
            documents = _json_documents(decoded.text, field, shown, partial=partial)
        else:
            documents, notes = _table_documents(decoded.text, suffix, field, shown, partial=partial)
        if not documents and not partial:
            raise DocumentsError(f"{shown} holds no documents in the field {make_visible(field)}.")
    except DocumentsError as error:
        if chosen or suffix in _JSON_LINES or error.is_damaged:
            return DecodedText(problem=str(error))
        names = f": its fields are {_listed(error.fields)}, and --field NAME reads one" if error.fields else ""
        as_it_is = f"{shown} has no field text and is read as it is{names}."
        return DecodedText(decoded.text, notes=(*decoded.notes, *([as_it_is] if names else [])))
    joined = without_byte_order_marks(join_documents(documents), shown)  # JSON can write them as escapes
    return DecodedText(joined.text, notes=decoded.notes + notes + joined.notes)


def join_documents(documents: list[str]) -> str:
    """Documents joined by a blank line; a single one is unchanged."""
    if len(documents) == 1:
        return documents[0]
    return "\n\n".join(document.strip("\n") for document in documents)


def _lines(text: str, *, partial: bool) -> Iterator[str]:
    """Lines with their line feed, one at a time. Not splitlines(): a JSON string may contain U+2028."""
    start = 0
    while (end := text.find("\n", start)) >= 0:
        yield text[start : end + 1]
        start = end + 1
    if start < len(text) and not partial:
        yield text[start:]


# -- JSON --------------------------------------------------------------------------------------------------------------


def _json_documents(text: str, field: str, shown: str, *, partial: bool) -> list[str]:
    """The text of each object in JSON lines or a JSON array. Raises DocumentsError."""
    documents: list[str] = []
    for where, value in _json_values(text, shown, partial=partial):
        document = _text_at(value, field.split(".")) if isinstance(value, dict) else None
        if document is None or find_lone_surrogates(document):
            fields = tuple(dict.fromkeys(_text_fields(value)))
            wanted = make_visible(field)
            if fields and field not in fields:
                raise DocumentsError(
                    f"{where} of {shown} has no text in the field {wanted}: its fields with text are "
                    f"{_listed(fields)}; choose one with --field NAME.",
                    fields,
                )
            raise DocumentsError(f'{where} of {shown} is not like {{"{wanted}": "..."}} with text in that field.')
        documents.append(document)
    return documents


def _json_values(text: str, shown: str, *, partial: bool) -> Iterator[tuple[str, Any]]:
    """Each value with its place. Raises DocumentsError."""
    if _ARRAY_START.match(text) and (array := _json_array(text, shown, partial=partial)) is not None:
        for number, value in enumerate(array, start=1):
            yield f"Document {number:,}", value
        return
    for number, line in enumerate(_lines(text, partial=partial), start=1):
        where = f"Line {number:,}"
        if len(line) > MOST_DOCUMENT_CHARACTERS:
            raise DocumentsError(
                f"{where} of {shown} has more than {MOST_DOCUMENT_CHARACTERS:,} characters, the most of one document."
            )
        if not line.isspace():
            yield where, _decode_json(line, f"{where} of {shown}")


def _json_array(text: str, shown: str, *, partial: bool) -> list[Any] | None:
    """The values of a text that is one array; None for lines that each are one."""
    if partial:
        return []
    if len(text) > MOST_ARRAY_CHARACTERS:
        raise DocumentsError(
            f"{shown} is a JSON array of more than {MOST_ARRAY_CHARACTERS:,} characters: write each document on a line "
            "of its own, as JSON lines."
        )
    try:
        array = _decode_json(text, shown)
    except DocumentsError:
        return None
    return array if isinstance(array, list) else None


def _decode_json(text: str, where: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except RecursionError:
        raise DocumentsError(f"{where} is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise DocumentsError(f'{where} is not like {{"text": "..."}}: {error}.') from error


def _text_at(value: Any, path: list[str]) -> str | None:
    """The text at a path of names; of a list the texts in all of its items, a line each; None where there is none."""
    if isinstance(value, list):
        parts = [part for item in value if (part := _text_at(item, path)) is not None]
        return "\n".join(parts) if len(parts) == len(value) else None
    if not path:
        return value if isinstance(value, str) else None
    if not isinstance(value, dict):
        return None
    if (whole := ".".join(path)) in value:
        return _text_at(value[whole], [])
    return _text_at(value.get(path[0]), path[1:])


def _text_fields(value: Any, prefix: str = "", depth: int = 0) -> Iterator[str]:
    """The names of fields with text, `messages.content` for those inside of others."""
    if isinstance(value, str) and prefix:
        yield prefix
    elif isinstance(value, list) and depth < 8:
        for item in value[:8]:
            yield from _text_fields(item, prefix, depth + 1)
    elif isinstance(value, dict) and depth < 8:
        for name, item in list(value.items())[:1000]:
            yield from _text_fields(item, f"{prefix}.{name}" if prefix else name, depth + 1)


# -- tables ------------------------------------------------------------------------------------------------------------


def _table_documents(
    text: str, suffix: str, field: str, shown: str, *, partial: bool
) -> tuple[list[str], tuple[str, ...]]:
    """The cells of one column, by its name or its number from 1, and notes. Raises DocumentsError."""
    first = next(_lines(text, partial=False), "")
    delimiter = "\t" if suffix == ".tsv" else max(",;\t|", key=first.count)
    csv.field_size_limit(MOST_DOCUMENT_CHARACTERS)  # of the whole process, which reads no other tables
    rows = csv.reader(_lines(text, partial=partial), delimiter=delimiter, strict=True)
    documents: list[str] = []
    ragged = 0
    try:
        names = [name.strip() for name in next(rows, [])]
        if partial and not names:
            return [], ()
        column = _column(names, field, shown)
        if field not in names and names and names[column]:  # chosen by its number: there is no header
            documents.append(names[column])
        for row in rows:
            ragged += len(row) not in (0, len(names))
            if column < len(row) and row[column].strip():
                documents.append(row[column])
    except csv.Error as error:
        if not partial:  # the beginning of a file may end inside quotes
            sentence = (
                f"Line {rows.line_num:,} of {shown} is no row of a table ({error}); --field '' reads it as it is."
            )
            raise DocumentsError(sentence, is_damaged=True) from error
    notes = [f"Of {shown} the column {make_visible(field)} is read; --field '' reads the file as it is."]
    if ragged:
        has = "1 row of {} has" if ragged == 1 else f"{ragged:,} rows of {{}} have"
        notes.append(
            f"{has.format(shown)} not the {len(names)} cells of the first: look for separators without quotes."
        )
    return documents, tuple(notes)


def _column(names: list[str], field: str, shown: str) -> int:
    """The index of a column. Raises DocumentsError with the names there are."""
    if field in names:
        return names.index(field)
    is_header = all(names) and len(set(names)) == len(names) and not any(map(_is_number, names))
    if not is_header and field.isascii() and field.isdigit() and 1 <= int(field[:9]) <= len(names):
        return int(field) - 1
    fields = tuple(names) if is_header else tuple(str(number + 1) for number in range(len(names)))
    unnamed = "" if is_header else " (by number, for it has no line of names)"
    raise DocumentsError(
        f"{shown} has no column {make_visible(field)}: its columns are {_listed(fields)}{unnamed}; choose one with "
        "--field NAME.",
        fields if len(fields) > 1 else (),
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(fields: tuple[str, ...]) -> str:
    shown = [make_visible(name[:60]) + ("..." if len(name) > 60 else "") for name in fields[:_MOST_FIELDS_SHOWN]]
    more = len(fields) - len(shown)
    if more > 0:
        return f"{', '.join(shown)} and {more:,} more"
    return " and ".join(filter(None, (", ".join(shown[:-1]), shown[-1]))) if shown else "none"
