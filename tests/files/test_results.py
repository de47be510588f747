"""Results: each where it belongs, whole or not at all."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.errors import BadFile, SettingError
from palleto.files import result_mark, result_path, write_result


@pytest.mark.parametrize(
    ("key", "relative"),
    [
        ("packrat/data/20160720.gz", "packrat/data/20160720.txt"),
        ("a/x.gz", "a/x.txt"),
        ("b/x.gz", "b/x.txt"),
        ("two.dots.gz", "two.dots.txt"),
        ("x.gz.gz", "x.gz.txt"),
        ("x.txt.gz", "x.txt.txt"),
        ("..gz", "..txt"),
        ("a/.gz", "a/.txt"),
        ("2016 07+20.gz", "2016 07+20.txt"),
        ("größe/日本.gz", "größe/日本.txt"),
        ("x" * 251 + ".gz", "x" * 251 + ".txt"),
    ],
)
def test_result_paths(tmp_path: Path, key: str, relative: str) -> None:
    path = result_path(tmp_path, key)
    assert path == tmp_path / relative
    write_result(path, "1\n")
    assert path.read_text() == "1\n"


REFUSED = {
    "a key that ends in .gz": ["", "x", "x.GZ", "x.txt", "x.gz/"],
    "without empty, '.' or '..' segments": ["/x.gz", "a//x.gz", "../x.gz", "a/../x.gz", "./x.gz", "a/./x.gz"],
    "without backslashes and control": ["a\\x.gz", "a\0.gz", "a\nb.gz", "a\x7f.gz", "a\x85.gz", "\ud800.gz"],
    "whose folders do not end in .txt": ["a.txt/b.gz", "A.TXT/b.gz"],
    "names of at most 255 bytes": ["x" * 252 + ".gz", "é" * 126 + ".gz", "y" * 256 + "/x.gz"],
}


@pytest.mark.parametrize(("expected", "key"), [(reason, key) for reason, keys in REFUSED.items() for key in keys])
def test_a_key_is_refused_for_its_own_reason_in_one_line(tmp_path: Path, expected: str, key: str) -> None:
    with pytest.raises(BadFile) as caught:
        result_path(tmp_path, key)
    told = str(caught.value)
    assert told.startswith("expected ")
    assert told.isprintable()
    assert expected in told.partition(", got ")[0]
    assert ascii(key)[:40] in told.partition(", got ")[2]


def test_a_key_whose_path_is_longer_than_the_system_takes_is_refused(tmp_path: Path) -> None:
    output = tmp_path / "/".join(["x" * 250] * 13)
    write_result(result_path(output, "short.gz"), "1\n")
    with pytest.raises(BadFile, match="File name too long"):  # 4,096 bytes on Linux, 1,024 on macOS
        result_path(output, "/".join(["y" * 250] * 4) + ".gz")


segments = st.sampled_from(["a", "A", "a.gz", "a.gz.gz", "..gz", "...", "é", "e\u0301", " ", "a ", "-"])
keys = st.lists(segments, min_size=1, max_size=3).map(lambda parts: "/".join(parts) + ".gz")


@given(keys, st.lists(keys, min_size=1, max_size=8))
def test_two_keys_never_share_a_path(one: str, others: list[str]) -> None:
    output = Path("/nowhere/output")
    path = result_path(output, one)
    assert path.is_relative_to(output)
    for other in others:
        beside = result_path(output, other)
        assert (path == beside) == (one == other)
        assert path not in beside.parents


PARTS = st.sampled_from(["", ".", "..", "\\", "\x00", "\x1b[2J", "\n", " ", "~", "%2e%2e", "a", "b.txt", "日本", "C:"])
ANY_KEYS = st.one_of(
    st.lists(PARTS, max_size=5).map(lambda parts: "/".join(parts) + ".gz"),
    st.text(max_size=40).map(lambda text: f"{text}.gz"),
    st.text("ab/", min_size=200, max_size=1100).map(lambda text: f"{text}.gz"),
    st.text(max_size=300),
)


@given(ANY_KEYS)
def test_any_key_is_refused_in_one_line_or_has_a_path_inside_the_output(key: str) -> None:
    output = path = Path("/nowhere/output")
    told = ""
    try:
        path = result_path(output, key)
    except BadFile as error:
        told = str(error)
    assert told.isprintable()
    assert path.is_relative_to(output)
    assert ".." not in path.parts


def test_symbolic_links_are_refused(tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.mkdir()
    (output / "inside").mkdir()
    for name, goal in {"out": tmp_path, "twin": output / "inside", "loop": output / "loop"}.items():
        (output / name).symlink_to(goal)
        with pytest.raises(BadFile, match="no symbolic link"):
            result_path(output, f"{name}/x.gz")
    (tmp_path / "link").symlink_to(output)  # the output folder itself may be one: it is the user's own choice
    assert result_path(tmp_path / "link", "x.gz") == tmp_path / "link" / "x.txt"


def test_a_result_is_replaced_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "new" / "folder" / "x.txt"
    write_result(path, "1\n")
    write_result(path, "22\n")
    assert path.read_bytes() == b"22\n"
    assert list(path.parent.iterdir()) == [path]
    shutil.rmtree(tmp_path / "new")  # somebody clears up while a run goes on
    write_result(path, "3\n")
    assert path.read_text() == "3\n"


def test_a_writer_is_told_of_a_result_that_it_has_not_seen(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    assert result_mark(path) is None
    assert not write_result(path, "1\n")
    first = result_mark(path)
    assert first is not None
    assert write_result(path, "2\n")
    assert write_result(path, "3\n", first)
    assert not write_result(path, "4\n", result_mark(path))
    assert path.read_text() == "4\n"


@pytest.mark.parametrize("there", [False, True])
def test_of_writers_at_one_time_one_alone_is_the_first(tmp_path: Path, there: bool) -> None:
    path = tmp_path / "x.txt"
    for _ in range(20):
        if there:
            path.write_text("0\n")
        write = partial(write_result, path, seen=result_mark(path))
        with ThreadPoolExecutor(8) as threads:
            told = list(threads.map(write, map(str, range(8))))
        assert told.count(False) == 1
        assert [file.name for file in tmp_path.iterdir()] == ["x.txt"]
        path.unlink()


def test_an_error_while_writing_keeps_the_old_result(tmp_path: Path) -> None:
    path = tmp_path / "x.txt"
    write_result(path, "1\n")
    with pytest.raises(UnicodeEncodeError):
        write_result(path, "\ud800")
    assert path.read_text() == "1\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SettingError, match=r"cannot write results below .*; choose another folder with --output"):
        write_result(tmp_path / "file" / "x.txt", "1\n")


def test_what_is_in_the_place_of_a_result_is_that_keys_error(tmp_path: Path) -> None:
    (tmp_path / "x.txt").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(BadFile, match=r"expected no folder in .*x.txt', where the result of the key goes; remove it"):
        result_path(tmp_path, "x.gz")
    with pytest.raises(BadFile, match=r"expected no file in .*file', where the folder for the result of the key goes"):
        result_path(tmp_path, "file/a/b.gz")
    with pytest.raises(BadFile, match=r"expected no folder in .*x.txt', where the result goes"):  # it has just come
        write_result(tmp_path / "x.txt", "1\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "x.txt"]
