"""The text in one field of JSON lines, JSON arrays and tables."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from babytrain.engine.config.errors import CorpusError
from babytrain.engine.data import documents
from babytrain.engine.data.text_sources import SourceText, inspect_sources, read_sources


def read(path: Path, content: str, **options: str) -> SourceText:
    path.write_text(content, encoding="utf-8")
    return read_sources([str(path)], **options)


def problem(path: Path, content: str, **options: str) -> str:
    with pytest.raises(CorpusError) as caught:
        read(path, content, **options)
    (sentence,) = caught.value.problems
    assert len(sentence) < 1000
    return sentence


# -- JSON --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.jsonl", "a.ndjson"])
def test_the_fields_of_json_lines_are_listed_and_one_is_chosen(tmp_path, name):
    content = '{"id": 0, "content": "one", "title": "t"}\n\n{"id": 1, "content": "two", "title": "t"}\n'
    sentence = problem(tmp_path / name, content)
    assert "its fields with text are content and title; choose one with --field NAME." in sentence
    with pytest.raises(CorpusError, match="content and title"):
        inspect_sources([str(tmp_path / name)])
    assert read(tmp_path / name, content, field="content").text == "one\n\ntwo"
    assert "Line 1" in problem(tmp_path / name, content, field="body")


def test_a_field_may_lie_inside_of_others_and_in_lists(tmp_path):
    line = json.dumps({"meta": {"body": "deep"}, "messages": [{"role": "a", "content": "hi"}, {"content": "ho"}]})
    assert "meta.body, messages.role and messages.content" in problem(tmp_path / "a.jsonl", line)
    assert read(tmp_path / "a.jsonl", line, field="meta.body").text == "deep"
    assert read(tmp_path / "a.jsonl", line, field="messages.content").text == "hi\nho"
    assert read(tmp_path / "a.jsonl", '{"a.b": "dots"}', field="a.b").text == "dots"


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_json_array_gives_its_documents(tmp_path, name):
    content = json.dumps([{"text": "one"}, {"text": "two"}], indent=1)
    assert read(tmp_path / name, content).text == "one\n\ntwo"


def test_other_json_is_read_as_it_is(tmp_path):
    for content in ('{"a": 1}\n', "[1, 2, 3]", '{\n  "name": "x"\n}\n', "{ broken"):
        source = read(tmp_path / "a.json", content)
        assert source.text == content
        assert source.notes == ()
    source = read(tmp_path / "a.json", '[{"body": "x"}]')
    assert source.text == '[{"body": "x"}]'
    assert "its fields are body, and --field NAME reads one" in source.notes[0]
    assert read(tmp_path / "a.json", '[{"body": "x"}]', field="body").text == "x"
    assert read(tmp_path / "a.json", '[{"text": "x"}]', field="").text == '[{"text": "x"}]'


@pytest.mark.parametrize("deep", ["[" * 100_000, '{"text":' * 100_000, '{"a": ' + "[" * 100_000])
def test_nesting_has_a_limit(tmp_path, deep):
    assert "nested too deeply" in problem(tmp_path / "a.jsonl", '{"text": "x"}\n' + deep + "\n")


def test_a_line_and_an_array_have_a_limit(tmp_path, monkeypatch):
    monkeypatch.setattr(documents, "MOST_DOCUMENT_CHARACTERS", 100)
    monkeypatch.setattr(documents, "MOST_ARRAY_CHARACTERS", 100)
    assert "Line 2 of" in problem(tmp_path / "a.jsonl", '{"text": "x"}\n{"text": "' + "y" * 200 + '"}')
    assert "as JSON lines" in problem(tmp_path / "a.jsonl", '[{"text": "' + "y" * 200 + '"}]')
    assert "field larger than field limit" in problem(tmp_path / "a.csv", "text,b\n" + "y" * 200 + ",1\n")


def test_a_field_is_chosen_in_standard_input_too(tmp_path):
    assert read_sources(["-"], stdin=b'{"content": "one"}\n', field="content").text == "one"
    assert read_sources(["-"], stdin=b"id,content\n1,one\n", field="content").text == "one"
    assert read_sources(["-"], stdin=b'{"content": "one"}\n').text == '{"content": "one"}\n'


def test_a_field_of_what_has_none_is_refused(tmp_path):
    assert "leave --field out" in problem(tmp_path / "a.txt", "words", field="content")


# -- tables ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.csv", ";"), ("a.tsv", "\t"), ("a.csv", "|")])
def test_a_column_is_read_with_its_quotes_understood(tmp_path, name, delimiter):
    stream = io.StringIO()
    rows = [["id", "text", "more"], ["1", 'a "quoted" word', "x"], ["2", f"two\nlines{delimiter} one cell", ""]]
    csv.writer(stream, delimiter=delimiter).writerows(rows)
    source = read(tmp_path / name, "\ufeff" + stream.getvalue())
    assert source.text == f'a "quoted" word\n\ntwo\nlines{delimiter} one cell'
    assert any("the column text is read" in note for note in source.notes)
    assert read(tmp_path / name, stream.getvalue(), field="more").text == "x"


def test_the_columns_are_named_where_none_is_called_text(tmp_path):
    content = "id,body\n1,one\n2,two\n"
    source = read(tmp_path / "a.csv", content)
    assert source.text == content
    assert "its fields are id and body, and --field NAME reads one" in source.notes[0]
    assert "its columns are id and body; choose one" in problem(tmp_path / "a.csv", content, field="boddy")
    assert read(tmp_path / "a.csv", content, field="body").text == "one\n\ntwo"
    assert read(tmp_path / "a.csv", "text\none\n", field="").text == "text\none\n"


def test_a_table_without_a_line_of_names_is_chosen_from_by_number(tmp_path):
    content = "1,one\n2,two\n"
    assert "its columns are 1 and 2 (by number" in problem(tmp_path / "a.csv", content, field="body")
    assert read(tmp_path / "a.csv", content, field="2").text == "one\n\ntwo"


def test_ragged_rows_are_counted_and_a_header_alone_is_refused(tmp_path):
    source = read(tmp_path / "a.csv", "text,b\none,1,2\ntwo\n\nthree,3\n", field="text")
    assert source.text == "one\n\ntwo\n\nthree"
    assert any("2 rows of" in note for note in source.notes)
    assert "holds no documents in the field b" in problem(tmp_path / "a.csv", "a,b\n", field="b")


def test_a_quote_that_never_ends_does_not_swallow_the_rest(tmp_path):
    sentence = problem(tmp_path / "a.csv", 'text,b\n"one,1\ntwo,2\n')
    assert "is no row of a table" in sentence
    assert "--field ''" in sentence


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.json", "a.jsonl", "a.ndjson"])
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=60)
@given(
    content=st.one_of(st.text(max_size=200), st.text(alphabet='{}[]",:;\n\ttex1 \\u', max_size=200)),
    field=st.sampled_from(["text", "", "t", "1", "a.b", "."]),
)
def test_whatever_is_in_a_file_there_is_a_text_or_a_sentence(tmp_path, name, content, field):
    (tmp_path / name).write_bytes(content.encode("utf-8", "surrogatepass"))
    try:
        text = read_sources([str(tmp_path / name)], field=field).text
    except CorpusError:
        return
    assert text.strip()
