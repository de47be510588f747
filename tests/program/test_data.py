"""The user's own files: which are taken, and under which key."""

from __future__ import annotations

import gzip
import hashlib
import os
from pathlib import Path

import pytest

from palleto import SettingError
from palleto.program import user_files

PREFIX = "packrat/data/"


def put(*parts: object, data: bytes = b"line\n") -> Path:
    path = Path(*map(str, parts))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data))
    return path


def keys(*paths: Path) -> list[str]:
    found = [file.key for file in user_files(paths)]
    assert all(key.startswith(PREFIX) for key in found)
    assert len(set(found)) == len(found), "two files have one key"
    return [key.removeprefix(PREFIX) for key in found]


def test_no_path_is_no_file():
    assert user_files([]) == []


def test_a_file_is_named_by_its_name(tmp_path):
    assert keys(put(tmp_path, "a", "x.gz")) == ["x.gz"]


def test_a_key_is_the_path_below_what_all_have_in_common(tmp_path):
    files = [put(tmp_path, "a", "x.gz"), put(tmp_path, "b", "c", "x.gz"), put(tmp_path, "b", "y.gz")]
    assert keys(*files) == ["a/x.gz", "b/c/x.gz", "b/y.gz"]


def test_files_of_one_name_stay_apart(tmp_path):
    assert keys(*(put(tmp_path, folder, "changelog.gz") for folder in "abc")) == [
        "a/changelog.gz",
        "b/changelog.gz",
        "c/changelog.gz",
    ]


def test_the_order_is_that_of_the_command_line(tmp_path):
    one, two = put(tmp_path, "1.gz"), put(tmp_path, "2.gz")
    assert keys(two, one) == ["2.gz", "1.gz"]


def test_a_folder_gives_the_gz_files_in_it_and_below(tmp_path):
    put(tmp_path, "in", "b.gz"), put(tmp_path, "in", "a.gz"), put(tmp_path, "in", "deep", "er", "c.gz")
    (tmp_path / "in" / "notes.txt").write_text("not taken")
    (tmp_path / "in" / "folder.gz").mkdir()
    assert keys(tmp_path / "in") == ["a.gz", "b.gz", "deep/er/c.gz"]


def test_folders_and_files_together(tmp_path):
    put(tmp_path, "in", "a.gz"), put(tmp_path, "in", "more", "b.gz")
    assert keys(put(tmp_path, "c.gz"), tmp_path / "in") == ["c.gz", "in/a.gz", "in/more/b.gz"]


def test_a_file_named_twice_is_one_file(tmp_path):
    file = put(tmp_path, "in", "a.gz")
    assert keys(file, file) == ["a.gz"]
    assert keys(file, tmp_path / "in") == ["a.gz"]
    assert keys(tmp_path / "in", tmp_path) == ["a.gz"]


def test_a_file_named_in_two_ways_is_one_file(tmp_path, monkeypatch):
    put(tmp_path, "in", "a.gz")
    monkeypatch.chdir(tmp_path)
    assert keys(Path("in/a.gz"), tmp_path / "in" / "a.gz", Path("in/../in/a.gz"), Path("in")) == ["a.gz"]


def test_a_relative_path_has_the_key_of_the_absolute_one(tmp_path, monkeypatch):
    put(tmp_path, "in", "a.gz"), put(tmp_path, "in", "sub", "b.gz")
    monkeypatch.chdir(tmp_path / "in" / "sub")
    assert keys(Path("../a.gz"), Path("b.gz")) == keys(tmp_path / "in" / "a.gz", tmp_path / "in" / "sub" / "b.gz")
    assert keys(Path()) == ["b.gz"]


def test_a_links_own_name_is_the_key(tmp_path):
    target = put(tmp_path, "elsewhere", "target.gz")
    link = tmp_path / "in" / "link.gz"
    link.parent.mkdir()
    link.symlink_to(target)
    assert keys(link) == ["link.gz"]
    assert keys(link.parent) == ["link.gz"]
    assert user_files([link])[0].size == target.stat().st_size


def test_two_links_to_one_file_are_two_files(tmp_path):
    target = put(tmp_path, "target")
    for name in ("one.gz", "two.gz"):
        (tmp_path / name).symlink_to(target)
    assert keys(tmp_path / "one.gz", tmp_path / "two.gz") == ["one.gz", "two.gz"]


def test_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "link.gz").symlink_to(tmp_path / "gone.gz")
    with pytest.raises(SettingError, match=r"expected a file or folder for --data, got: .*link.gz, which is not there"):
        user_files([tmp_path / "link.gz"])
    put(tmp_path, "good.gz")
    assert keys(tmp_path) == ["good.gz"]


def test_a_path_that_is_not_there(tmp_path):
    with pytest.raises(SettingError, match=r"got: .*nowhere.gz, which is not there"):
        user_files([put(tmp_path, "a.gz"), tmp_path / "nowhere.gz"])


@pytest.mark.parametrize("name", ["notes.txt", "archive.gzip", "x.gz.bak", "gz"])
def test_a_file_that_is_not_gz_by_name(tmp_path, name):
    (tmp_path / name).write_text("x")
    with pytest.raises(SettingError, match=r"expected a readable file that ends in \.gz for --data, got: .*"):
        user_files([tmp_path / name])


def test_an_empty_folder(tmp_path):
    (tmp_path / "deep").mkdir()
    with pytest.raises(SettingError, match=r"expected \.gz files in the folder .*, got: none"):
        user_files([tmp_path])


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read(tmp_path):
    file = put(tmp_path, "a.gz")
    file.chmod(0)
    with pytest.raises(SettingError, match="readable"):
        user_files([file])


def test_a_name_that_needs_quoting_is_kept(tmp_path):
    assert keys(put(tmp_path, "2016 07+20 ä%.gz")) == ["2016 07+20 ä%.gz"]


def test_what_upload_needs_to_know(tmp_path):
    path = put(tmp_path, "a.gz", data=b"some lines\n" * 100)
    (file,) = user_files([path])
    data = path.read_bytes()
    assert file.size == len(data)
    assert file.etag.strip('"') == hashlib.md5(data, usedforsecurity=False).hexdigest()
    with file.open() as stream:
        assert stream.read() == data
