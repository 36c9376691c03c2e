"""Reading what a person points at, and saying what is wrong with all of it at once."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import io
import lzma
import os
import socket
import threading
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from babytrain.engine.config.errors import CorpusError
from babytrain.engine.data import file_search, text_bytes, text_sources
from babytrain.engine.data.text_bytes import read_stream
from babytrain.engine.data.text_sources import builtin_text, inspect_sources, read_sources


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "b.txt").write_text("second\n")
    (tmp_path / "a.md").write_text("first\n")
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "c.txt").write_text("third\n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\0\0")
    (tmp_path / ".hidden.txt").write_text("no")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "x.txt").write_text("no")
    return tmp_path


def problems_of(*paths: object, **options: object) -> list[str]:
    with pytest.raises(CorpusError) as caught:
        read_sources([str(path) for path in paths], **options)
    return caught.value.problems


def inspected(*paths: object, **options: object) -> list[str]:
    try:
        inspect_sources([str(path) for path in paths], **options)
    except CorpusError as error:
        return error.problems
    return []


# -- what can be read --------------------------------------------------------------------------------------------------


def test_a_file_is_taken_exactly_as_it_is(tmp_path):
    path = tmp_path / "my diary.txt"
    path.write_bytes("\n  dear diary,\nſnakes 🐍\n\n".encode())
    source = read_sources([str(path)])
    assert source.text == "\n  dear diary,\nſnakes 🐍\n\n"
    assert (source.name, source.files, source.notes) == ("my diary", (path,), ())
    assert inspected(path) == []


def test_a_folder_gives_its_texts_in_order_without_hidden_ones(folder):
    source = read_sources([str(folder)])
    assert source.text == "first\n\nsecond\n\nthird"
    assert [path.name for path in source.files] == ["a.md", "b.txt", "c.txt"]
    assert source.name == folder.name
    assert inspected(folder) == []


def test_globs_match_here_and_below(folder):
    assert read_sources([f"{folder}/*.txt"]).text == "second\n"
    assert [path.name for path in read_sources([f"{folder}/**/*.txt"]).files] == ["b.txt", "c.txt"]
    assert inspected(f"{folder}/**/*.txt") == []


def test_a_file_whose_name_looks_like_a_glob_is_a_file(tmp_path):
    (tmp_path / "notes [1].txt").write_text("hello")
    assert read_sources([str(tmp_path / "notes [1].txt")]).text == "hello"


def test_a_file_reached_twice_is_read_once(folder):
    source = read_sources([str(folder / "a.md"), f"{folder}/*.md", str(folder / "deep" / ".." / "a.md")])
    assert source.text == "first\n"
    assert len(source.notes) == 2


def test_several_paths_are_named_after_the_first(folder):
    assert read_sources([str(folder / "b.txt"), str(folder / "a.md")]).name == "b and 1 more"


def test_json_lines_give_their_documents(tmp_path):
    path = tmp_path / "poems.jsonl"
    path.write_text('{"text": "one\\ntwo\\n", "id": 1}\n\n{"text": "line\u2028separator"}\n')
    assert read_sources([str(path)]).text == "one\ntwo\n\nline\u2028separator"
    assert inspected(path) == []


def test_gzip_is_unpacked(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"packed text"))
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(b'{"text": "packed json"}'))
    source = read_sources([str(tmp_path)])
    assert source.text == "packed text\n\npacked json"
    assert inspected(tmp_path) == []
    assert read_sources([str(tmp_path / "a.txt.gz")]).name == "a"


def test_standard_input_is_what_was_piped_in(folder):
    source = read_sources(["-", str(folder / "a.md")], stdin=b"piped\n")
    assert source.text == "piped\n\nfirst"
    assert source.name == "stdin and 1 more"


def test_windows_and_mac_line_ends_and_byte_order_marks_go(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"\xef\xbb\xbfone\r\ntwo\rthree\n")
    source = read_sources([str(tmp_path / "a.txt")])
    assert source.text == "one\ntwo\nthree\n"
    assert "line ends" in source.notes[0]


def test_a_home_folder_is_expanded(tmp_path, monkeypatch):
    (tmp_path / "a.txt").write_text("home")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_sources(["~/a.txt"]).text == "home"


def test_empty_files_of_a_folder_are_left_out_and_noted(folder):
    (folder / "c.txt").write_text(" \n")
    source = read_sources([str(folder)])
    assert source.text == "first\n\nsecond\n\nthird"
    assert source.notes == (f"{folder / 'c.txt'} is empty and was left out.",)


def test_a_named_pipe_is_read_but_not_inspected(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    assert inspected(pipe) == []
    writer = threading.Thread(target=pipe.write_bytes, args=(b"through a pipe",))
    writer.start()
    assert read_sources([str(pipe)]).text == "through a pipe"
    writer.join()


# -- what cannot -------------------------------------------------------------------------------------------------------


def test_all_problems_come_at_once(folder):
    (folder / "empty.txt").write_text("")
    (folder / "zero.txt").write_bytes(b"ab\0cd")
    (folder / "latin.txt").write_bytes("café".encode("latin-1"))
    paths = [folder / name for name in ("b.text", "empty.txt", "zero.txt", "latin.txt", "*.nothing")]
    for found in (problems_of(*paths), inspected(*paths)):
        assert len(found) == 5
        missing, nothing, empty, zero, latin = found
        assert f"did you mean {folder / 'b.txt'}?" in missing
        assert "matches nothing" in nothing
        assert "empty.txt is empty" in empty
        assert "zero byte at offset 2" in zero
        assert "byte 0xe9 at offset 3" in latin
        assert "--set tokenizer=byte" in zero
        assert "--set tokenizer=byte" in latin
        assert all(problem.endswith((".", "?")) for problem in found)


def test_a_missing_folder_is_said_to_be_missing(tmp_path):
    (problem,) = problems_of(tmp_path / "nowhere" / "a.txt")
    assert "nowhere does not exist" in problem
    (problem,) = problems_of(tmp_path / "zzz.txt")
    assert problem.endswith("zzz.txt.")


def test_folders_without_text(tmp_path):
    (tmp_path / "empty").mkdir()
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"x")
    (tmp_path / "blank").mkdir()
    (tmp_path / "blank" / "a.txt").write_text("\n")
    assert "holds no files" in problems_of(tmp_path / "empty")[0]
    assert "none of its 1 files" in problems_of(tmp_path / "pictures")[0]
    assert "every file that was found is empty" in problems_of(tmp_path / "blank")[0]
    assert "only folders" in problems_of(f"{tmp_path}/*")[0]


def test_unreadable_files_and_folders(folder, monkeypatch):
    def refuse(path, *args, **kwargs):
        if os.fspath(path).endswith("b.txt"):
            raise PermissionError(13, "Permission denied")
        return real_open(path, *args, **kwargs)

    real_open = os.open
    monkeypatch.setattr(os, "open", refuse)
    expected = [f"Cannot read {folder / 'b.txt'}: Permission denied."]
    assert problems_of(folder) == expected
    assert inspected(folder) == expected

    def refuse_folder(path):
        raise PermissionError(13, "Permission denied", os.fspath(path))

    monkeypatch.setattr(os, "scandir", refuse_folder)
    assert problems_of(folder) == [f"Cannot read the folder {folder}: Permission denied."]


def test_devices_and_sockets_are_no_texts(tmp_path):
    assert "is a device" in problems_of("/dev/zero")[0]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / "s"))
        assert "is a device or a socket" in inspected(tmp_path / "s")[0]


@pytest.mark.parametrize(
    "typed", ["", "  ", "a\0b", "x" * 5000, "~nobody-of-that-name/x", "\ud800.txt", "**", "[", "a/b\nc"]
)
def test_odd_names_are_problems_and_no_tracebacks(typed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for found in (problems_of(typed), inspected(typed)):
        assert len(found) == 1
        assert found[0].isprintable()


def test_names_with_terminal_escapes_are_made_harmless(tmp_path):
    (tmp_path / "\x1b[2Jevil.txt").write_bytes(b"\xff\xff")
    (problem,) = problems_of(tmp_path)
    assert "\x1b" not in problem
    assert "\\x1b[2Jevil.txt" in problem
    (tmp_path / "\x1b[2Jevil.txt").write_bytes(b"fine")
    assert read_sources([f"{tmp_path}/*"]).name == "\\x1b[2Jevil"


def test_a_name_that_is_not_utf8_can_be_shown_and_stored(tmp_path):
    path = os.fsencode(tmp_path) + b"/caf\xe9.txt"
    with open(path, "wb") as file:
        file.write(b"text")
    source = read_sources([f"{tmp_path}/*"])
    assert source.name.encode("utf-8") == b"caf\\udce9"


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "Line 2"),
        ('{"body": 1}', "text"),
        ("[]", "Line 2"),
        ('{"text": 5}', "Line 2"),
        ('{"text": "\\ud800"}', "Line 2"),
    ],
)
def test_bad_json_lines_are_named_by_number(tmp_path, line, what):
    path = tmp_path / "a.jsonl"
    path.write_text('{"text": "fine"}\n' + line + "\n")
    for found in (problems_of(path), inspected(path)):
        assert len(found) == 1
        assert what in found[0]
        assert "Line 2" in found[0]


def test_json_lines_without_documents(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("\n\n")
    assert "no documents" in problems_of(path)[0]


def test_damaged_gzip(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b"text" * 1000)[:-20])
    (tmp_path / "b.txt.gz").write_bytes(b"no gzip at all")
    found = problems_of(tmp_path)
    assert len(found) == 2
    assert all("Cannot read" in problem for problem in found)


def test_utf16_is_named(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes("snake".encode("utf-16"))
    assert "UTF-16" in problems_of(path)[0]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"])
@pytest.mark.parametrize("text", ["Every quiet window.\n", "В начале 1 было слово\n", "道可道，非常道。1\n名可名\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_wide_encodings_are_named_with_and_without_a_mark(tmp_path, encoding, text, mark):
    (tmp_path / "a.txt").write_bytes((mark + text * 50).encode(encoding))
    for (problem,) in (problems_of(tmp_path / "a.txt"), inspected(tmp_path / "a.txt")):
        assert f"looks like {encoding[:6].upper()}" in problem
        assert f"iconv -f {encoding.upper().replace('-LE', 'LE').replace('-BE', 'BE')} -t UTF-8" in problem


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (bz2.compress(b"text"), "bzip2"),
        (lzma.compress(b"text"), "xz"),
        (b"PK\x03\x04....", "zip archive"),
        (b"\x28\xb5\x2f\xfd....", "zstd"),
        (b"%PDF-1.7\n", "PDF"),
        (b"{\\rtf1 text}", "rich text"),
    ],
)
def test_archives_and_documents_are_named_whatever_they_are_called(tmp_path, content, kind):
    (tmp_path / "a.txt").write_bytes(content)
    assert kind in problems_of(tmp_path / "a.txt")[0]
    assert kind in inspected(tmp_path / "a.txt")[0]
    assert read_sources([str(tmp_path / "a.txt")], as_bytes=True).text


def test_gzip_is_recognised_without_its_ending(tmp_path):
    (tmp_path / "a.txt").write_bytes(gzip.compress(b"packed text"))
    source = read_sources([str(tmp_path / "a.txt")])
    assert source.text == "packed text"
    assert "packed with gzip" in source.notes[0]
    assert read_sources(["-"], stdin=gzip.compress(b"piped")).text == "piped"


def test_byte_order_marks_inside_of_joined_files_go_and_are_said(tmp_path):
    (tmp_path / "a.txt").write_text("\ufeffone\n\ufefftwo\n\ufeffthree\n")
    source = read_sources([str(tmp_path / "a.txt")])
    assert source.text == "one\ntwo\nthree\n"
    assert source.notes == (f"2 byte order marks (U+FEFF) inside {tmp_path / 'a.txt'} were left out.",)
    (tmp_path / "a.jsonl").write_text('{"text": "o\\ufeffne"}')
    assert read_sources([str(tmp_path / "a.jsonl")]).text == "one"


def test_many_problems_stay_readable(tmp_path):
    found = problems_of(*(tmp_path / f"{number}" for number in range(50)))
    assert len(found) == 21
    assert found[-1] == "And 30 more problems like these."


# -- standard input ----------------------------------------------------------------------------------------------------


def test_a_keyboard_is_not_a_text(monkeypatch):
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    monkeypatch.setattr("sys.stdin", terminal)
    assert "Nothing is piped" in inspected("-")[0]
    monkeypatch.setattr("sys.stdin", None)
    assert "closed" in inspected("-")[0]
    monkeypatch.setattr("sys.stdin", io.StringIO("x"))
    assert inspected("-") == []


def test_missing_and_broken_standard_input():
    assert "Nothing was piped" in problems_of("-")[0]
    assert "standard input is empty" in problems_of("-", stdin=b"")[0]
    assert "standard input is not UTF-8" in problems_of("-", stdin=b"\xff")[0]


# -- pipes, devices, limits --------------------------------------------------------------------------------------------


def test_a_pipe_that_nothing_writes_into_is_no_wait_without_end(tmp_path, monkeypatch):
    monkeypatch.setattr(text_bytes, "PIPE_PATIENCE_SECONDS", 0.2)
    os.mkfifo(tmp_path / "pipe")
    assert problems_of(tmp_path / "pipe") == [
        f"Cannot read {tmp_path / 'pipe'}: it is a pipe that nothing writes into."
    ]


def test_a_slow_writer_is_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(text_bytes, "PIPE_PATIENCE_SECONDS", 0.0)
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(tmp_path / "pipe", os.O_WRONLY)
    os.close(reader)

    def write() -> None:
        for part in (b"one ", b"two"):
            time.sleep(0.3)
            os.write(writer, part)
        os.close(writer)

    thread = threading.Thread(target=write)
    thread.start()
    assert read_sources([str(tmp_path / "pipe")]).text == "one two"
    thread.join()


def test_what_never_ends_is_read_up_to_a_limit_that_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(text_bytes, "MOST_STREAM_BYTES", 2**20)
    with open("/dev/zero", "rb") as endless, pytest.raises(OSError, match="the most that is read"):
        read_stream(endless)
    (tmp_path / "bomb.txt").write_bytes(gzip.compress(b"x" * 2**22))
    assert "the most that is read" in problems_of(tmp_path / "bomb.txt")[0]
    assert inspected(tmp_path / "bomb.txt") == []


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path):
    with (tmp_path / "large.txt").open("wb") as file:
        file.truncate(2**40)
    for found in (problems_of(tmp_path / "large.txt"), inspected(tmp_path / "large.txt")):
        assert "it is larger than 8 GiB" in found[0]


def test_a_link_to_a_device_is_a_device_and_is_left_out_of_folders(folder):
    (folder / "zero.txt").symlink_to("/dev/zero")
    assert "is a device" in problems_of(folder / "zero.txt")[0]
    assert "matches no files" in problems_of(f"{folder}/z*")[0]
    assert read_sources([str(folder)]).text == "first\n\nsecond\n\nthird"


# -- literal names and patterns ----------------------------------------------------------------------------------------


def test_a_folder_with_brackets_in_its_name_is_a_name_before_it_is_a_pattern(tmp_path):
    for name in ("[old] notes", "o notes", "deep/[old]"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "a.txt").write_text(name)
    assert read_sources([f"{tmp_path}/[old] notes/*.txt"]).text == "[old] notes"
    assert read_sources([f"{tmp_path}/*/[old]/*.txt"]).text == "deep/[old]"
    assert read_sources([f"{tmp_path}/[old] n*/*.txt"]).text == "[old] notes"
    assert read_sources([f"{tmp_path}/[m-p] notes/*.txt"]).text == "o notes"


def test_a_star_in_a_name_and_a_tilde_are_names_first(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("a*.txt", "ab.txt", "~/x.txt", "home/x.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert read_sources(["a*.txt"]).text == "a*.txt"
    assert read_sources(["~/x.txt"]).text == "~/x.txt"


def test_two_stars_go_through_folders_but_not_hidden_ones_or_links(folder):
    (folder / "round").symlink_to(folder)
    assert [path.name for path in read_sources([f"{folder}/**/*.txt"]).files] == ["b.txt", "c.txt"]
    assert [path.name for path in read_sources([f"{folder}/deep/**"]).files] == ["c.txt"]


def test_too_many_files_are_refused_and_too_many_notes_cut(folder, monkeypatch):
    for number in range(30):
        (folder / f"{number}.md").write_text("x")
    notes = read_sources([str(folder), str(folder)]).notes
    assert len(notes) == 21
    assert notes[-1] == "And 13 more notes like these."
    monkeypatch.setattr(file_search, "MOST_FILES", 10)
    assert "more than 10 text files" in problems_of(folder)[-1]


def test_a_long_name_is_cut_in_its_sentence(tmp_path):
    (problem,) = problems_of("x" * 100_000)
    assert len(problem) < 500


# -- raw bytes ---------------------------------------------------------------------------------------------------------


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(st.binary(min_size=1, max_size=100).filter(lambda data: data.strip()))
def test_any_bytes_are_read_for_the_byte_tokenizer(tmp_path, data):
    path = tmp_path / "a.bin"
    path.write_bytes(data)
    assert inspected(path, as_bytes=True) in ([], [f"{path} is empty: there is nothing to learn from."])
    if "is empty" in str(inspected(path, as_bytes=True)):
        return
    text = read_sources([str(path)], as_bytes=True).text
    kept = text.encode("utf-8", "surrogateescape")
    try:
        plain = b"\0" not in data and data.decode("utf-8") is not None
    except UnicodeDecodeError:
        plain = False
    # Real text is cleaned as always, everything else is kept to the byte.
    assert kept == (data.removeprefix(b"\xef\xbb\xbf").replace(b"\r\n", b"\n").replace(b"\r", b"\n") if plain else data)


def test_a_character_cut_at_64_kb_is_no_problem_at_inspection(tmp_path):
    path = tmp_path / "long.txt"
    path.write_bytes(b"x" * (64 * 1024 - 1) + "é".encode() * 1000)
    assert inspected(path) == []


# -- built-in corpora --------------------------------------------------------------------------------------------------


def test_the_haiku_are_built_in():
    source = builtin_text("haiku")
    assert source.name == "haiku"
    assert source.text.count("\n\n") == 4500


def test_an_unknown_corpus_is_refused():
    with pytest.raises(CorpusError, match="haiku or tinyshakespeare"):
        builtin_text("war and peace")


def test_tinyshakespeare_is_fetched_into_the_cache_and_checked(tmp_path, monkeypatch):
    import pooch

    asked = {}

    def retrieve(url, **options):
        asked.update(options, url=url)
        stored = Path(options["path"]) / options["fname"]
        stored.parent.mkdir(parents=True)
        stored.write_text("First Citizen:\nBefore we proceed any further, hear me speak.\n")
        return str(stored)

    monkeypatch.setattr(pooch, "retrieve", retrieve)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    source = builtin_text("tinyshakespeare")
    assert source.name == "tinyshakespeare"
    assert source.text.startswith("First Citizen:")
    assert asked["known_hash"] == f"sha256:{text_sources.TINYSHAKESPEARE_SHA256}"
    assert asked["url"].startswith("https://")
    assert tmp_path in Path(asked["path"]).parents


def test_a_cached_tinyshakespeare_needs_no_network(tmp_path, monkeypatch):
    text = b"All:\nSpeak, speak.\n"
    monkeypatch.setattr(text_sources, "TINYSHAKESPEARE_SHA256", hashlib.sha256(text).hexdigest())
    monkeypatch.setattr(text_sources, "TINYSHAKESPEARE_URL", "https://nowhere.invalid/input.txt")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    (tmp_path / "babytrain" / "corpora").mkdir(parents=True)
    (tmp_path / "babytrain" / "corpora" / "tinyshakespeare.txt").write_bytes(text)
    assert builtin_text("tinyshakespeare").text == text.decode()


@pytest.mark.parametrize("error", [ConnectionError("no route to host\x1b[2J"), ValueError("hash is wrong")])
def test_without_network_there_is_one_sentence_that_says_what_to_do(monkeypatch, capsys, error):
    import pooch

    def fail(*args, **options):
        raise error

    monkeypatch.setattr(pooch, "retrieve", fail)
    with pytest.raises(CorpusError) as caught:
        builtin_text("tinyshakespeare")
    (problem,) = caught.value.problems
    assert "a text file of your own" in problem
    assert str(error)[:8] in problem
    assert "\x1b" not in problem
    assert capsys.readouterr() == ("", "")
