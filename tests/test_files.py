"""Files: every way a gzip file can be bad, lines as `grep -c .` counts them, results where they belong."""

from __future__ import annotations

import gzip
import io
import shutil
import subprocess
import sys
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto import files
from palleto.errors import BadFile, SettingError
from palleto.files import count_lines, result_path, unzip, write_result

MIB = 1 << 20
TEXT = b"".join(b"line %d\n" % number for number in range(5000))
ZIPPED = gzip.compress(TEXT, mtime=0)  # else the names of tests would differ between two workers


def cut(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def zip_stream(piece: bytes, times: int) -> Iterator[bytes]:
    """A gzip file of `times` equal pieces, itself never whole in memory."""
    deflate = zlib.compressobj(1, wbits=31)
    for _ in range(times):
        yield deflate.compress(piece)
    yield deflate.flush()


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 1 << 20])
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (ZIPPED, TEXT),
        (gzip.compress(b"", mtime=0), b""),
        (ZIPPED + gzip.compress(b"more\n", mtime=0) + gzip.compress(b"", mtime=0), TEXT + b"more\n"),
        (ZIPPED + bytes(700), TEXT),
        (ZIPPED + b"garbage", TEXT),
        (ZIPPED + b"\x1f", TEXT),
        (ZIPPED + b"\0" + ZIPPED, TEXT),
    ],
    ids=["one", "nothing", "members", "zeros", "garbage", "half a magic", "zeros, then a member"],
)
def test_unzips_what_zcat_unzips(tmp_path: Path, data: bytes, text: bytes, size: int) -> None:
    target = tmp_path / "text"
    assert unzip(cut(data, size), target, 10**6) == len(text)
    assert target.read_bytes() == text
    if size == 1000 and (zcat := shutil.which("zcat")):
        assert subprocess.run([zcat], input=data, capture_output=True).stdout == text


def _broken_checksum() -> bytes:
    return ZIPPED[:-8] + bytes([ZIPPED[-8] ^ 1]) + ZIPPED[-7:]


@pytest.mark.parametrize("size", [1, 64, 1 << 20])
@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not gzip: the file is empty"),
        (b"\x1f", "not gzip: the file has a single byte"),
        (b"hello\n", "not gzip: begins with"),
        (bytes(100), "not gzip: begins with"),
        (ZIPPED[:2], "cut off after 2 bytes"),
        (ZIPPED[:-1], f"cut off after {len(ZIPPED) - 1} bytes"),
        (ZIPPED[:100], "cut off after 100 bytes"),
        (ZIPPED + ZIPPED[:50], f"cut off after {len(ZIPPED) + 50} bytes"),
        (_broken_checksum(), "corrupt"),
        (ZIPPED[:10] + b"\xff" * 40, "corrupt"),
        (b"\x1f\x8b\x07" + ZIPPED[3:], "corrupt"),
    ],
)
def test_bad_gzip_is_one_line_and_leaves_no_file(tmp_path: Path, data: bytes, says: str, size: int) -> None:
    target = tmp_path / "text"
    with pytest.raises(BadFile, match=says) as caught:
        unzip(cut(data, size), target, 10**6)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_text_of_exactly_max_bytes_passes(tmp_path: Path) -> None:
    assert unzip([ZIPPED], tmp_path / "text", len(TEXT)) == len(TEXT)
    with pytest.raises(BadFile, match=f"more than --max-bytes={len(TEXT) - 1}$"):
        unzip([ZIPPED], tmp_path / "text", len(TEXT) - 1)
    with pytest.raises(BadFile, match=r"more than --max-bytes=0$"):
        unzip([ZIPPED], tmp_path / "text", 0)
    assert unzip([gzip.compress(b"", mtime=0)], tmp_path / "text", 0) == 0
    with pytest.raises(SettingError, match="0 or more, got -1"):
        unzip([ZIPPED], tmp_path / "text", -1)


def test_a_bomb_stops_early(tmp_path: Path) -> None:
    taken = 0

    def bomb() -> Iterator[bytes]:
        nonlocal taken
        for chunk in zip_stream(bytes(MIB), 10_000):  # 10 GiB, if anybody asked for it
            taken += 1
            yield chunk

    with pytest.raises(BadFile, match="max-bytes=5000000"):
        unzip(bomb(), tmp_path / "text", 5_000_000)
    assert taken < 100
    assert list(tmp_path.iterdir()) == []


def small_disk(folder: Path, room: int) -> Callable[[Path], SimpleNamespace]:
    """`shutil.disk_usage` of a disk with so many bytes, for the files below this folder."""

    def usage(_: Path) -> SimpleNamespace:
        return SimpleNamespace(free=room - sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()))

    return usage


def test_a_file_takes_no_more_of_the_disk_than_it_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files.shutil, "disk_usage", small_disk(tmp_path, 10 * MIB))
    assert unzip(zip_stream(bytes(MIB), 5), tmp_path / "half", 10**12) == 5 * MIB
    (tmp_path / "half").unlink()
    with pytest.raises(BadFile, match=r"unzips to 5,.* bytes and more, where the disk has 5,.* left; .* in TMPDIR"):
        unzip(zip_stream(bytes(MIB), 10_000), tmp_path / "text", 10**12)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full")
def test_a_full_disk_is_not_the_files_fault(tmp_path: Path) -> None:
    for text in (b"a few bytes", bytes(MIB)):
        (tmp_path / "text").symlink_to("/dev/full")
        with pytest.raises(SettingError, match=r"cannot unzip to .*: No space left on device; .* in TMPDIR"):
            unzip([gzip.compress(text)], tmp_path / "text", 10**7)
    assert list(tmp_path.iterdir()) == []


def test_the_chunks_own_error_leaves_no_file(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield ZIPPED[:50]
        raise ConnectionError("gone")

    with pytest.raises(ConnectionError):
        unzip(broken(), tmp_path / "text", 10**6)
    assert list(tmp_path.iterdir()) == []


BIG = """
import resource, sys, zlib
from pathlib import Path
from palleto.files import count_lines, unzip
megabytes = int(sys.argv[2])
piece = (b"x" * 63 + b"\\n") * (1 << 14)
deflate = zlib.compressobj(1, wbits=31)
zipped = b"".join([*(deflate.compress(piece) for _ in range(megabytes)), deflate.flush()])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
size = unzip([zipped], Path(sys.argv[1]), 1 << 40)
lines = count_lines(Path(sys.argv[1]))
print(size, lines, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize("mib", [256, pytest.param(1024, marks=pytest.mark.long)])
def test_a_large_file_takes_bounded_memory(tmp_path: Path, mib: int) -> None:
    command = [sys.executable, "-c", BIG, str(tmp_path / "text"), str(mib)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (tmp_path / "text").unlink()
    size, lines, grown = map(int, done.stdout.split())
    assert (size, lines) == (mib << 20, mib << 14)
    assert grown < 64 * 1024  # KiB


def test_one_line_of_100_mb(tmp_path: Path) -> None:
    path = tmp_path / "line"
    tracemalloc.start()
    try:
        assert unzip(zip_stream(b"x" * MIB, 100), path, 1 << 30) == 100 * MIB
        assert count_lines(path) == 1
        assert tracemalloc.get_traced_memory()[1] < 16 * MIB
    finally:
        tracemalloc.stop()


def plain_count(text: bytes) -> int:
    return sum(line != b"" for line in text.replace(b"\0", b"\n").split(b"\n"))


@given(st.lists(st.sampled_from([b"\n", b"\n\n\n", b"a", b"\r", b" ", b"\0", b"\xff", b"bc\n"])), st.integers(1, 6))
def test_lines_at_chunk_borders(tmp_path_factory: pytest.TempPathFactory, parts: list[bytes], size: int) -> None:
    path = tmp_path_factory.getbasetemp() / "borders"
    path.write_bytes(b"".join(parts))
    assert count_lines(path, size) == plain_count(b"".join(parts))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        (b"", 0),
        (b"\n\n", 0),
        (b"a", 1),
        (b"a\n\nb", 2),
        (b"\r\n \n", 2),
        (b"\xff\n", 1),
        (b"\n\na\n", 1),
        (b"a\0b\n", 2),
        (b"\0\n", 0),
    ],
)
def test_lines_as_grep_counts_them(tmp_path: Path, text: bytes, lines: int) -> None:
    path = tmp_path / "text"
    path.write_bytes(text)
    assert count_lines(path) == lines
    assert grep(text) in (lines, None)


def grep(text: bytes) -> int | None:
    """What GNU grep counts; None on a machine without it."""
    command = shutil.which("grep")
    if not command or b"GNU" not in subprocess.run([command, "--version"], capture_output=True).stdout:
        return None
    done = subprocess.run([command, "-c", "."], input=text, capture_output=True, env={"LC_ALL": "C"})
    return int(done.stdout)


CHANGELOGS = sorted(Path("/usr/share/doc").glob("*/changelog*.gz"))[::40]


@pytest.mark.skipif(not CHANGELOGS, reason="no changelogs on this machine")
def test_changelogs_as_zcat_and_grep_count_them(tmp_path: Path) -> None:
    for path in CHANGELOGS:
        unzip([path.read_bytes()], tmp_path / "text", 1 << 30)
        assert count_lines(tmp_path / "text") == grep(gzip.decompress(path.read_bytes())), path


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


@pytest.mark.parametrize(
    "key",
    [
        *("", "x", "x.GZ", "x.txt", "x.gz/", "/x.gz", "a//x.gz", "../x.gz", "a/../x.gz", "./x.gz", "a/./x.gz"),
        *("a\\x.gz", "a\0.gz", "a\nb.gz", "a\x7f.gz", "a\x85.gz", "\ud800.gz", "a.txt/b.gz", "A.TXT/b.gz"),
        *("x" * 252 + ".gz", "é" * 126 + ".gz", "y" * 256 + "/x.gz"),
    ],
)
def test_refused_keys_are_one_line(tmp_path: Path, key: str) -> None:
    with pytest.raises(BadFile, match=r"^expected .*, got ") as caught:
        result_path(tmp_path, key)
    assert str(caught.value).isprintable()


def test_a_key_whose_path_is_longer_than_the_system_takes_is_refused(tmp_path: Path) -> None:
    output = tmp_path / "/".join(["x" * 250] * 13)
    write_result(result_path(output, "short.gz"), "1\n")
    with pytest.raises(BadFile, match="File name too long"):  # 4,096 bytes on Linux, 1,024 on macOS
        result_path(output, "/".join(["y" * 250] * 4) + ".gz")


keys = st.lists(st.sampled_from(["a", "A", ".", "/", "..", ".gz", ".txt", "é", "\\", " "]), max_size=6)


@given(keys, keys)
def test_two_keys_never_share_a_path(one: list[str], other: list[str]) -> None:
    first, second = "".join(one) + ".gz", "".join(other) + ".gz"
    output = Path("/nowhere/output")
    try:
        paths = result_path(output, first), result_path(output, second)
    except BadFile:
        return
    assert (paths[0] == paths[1]) == (first == second)
    assert all(path.resolve().is_relative_to(output) for path in paths)
    assert paths[0] not in paths[1].parents


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
    (tmp_path / "x.txt").mkdir()
    with pytest.raises(SettingError, match="Is a directory"):
        write_result(tmp_path / "x.txt", "1\n")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "x.txt"]


def test_an_output_folder_that_vanishes_is_made_again(tmp_path: Path) -> None:
    write_result(tmp_path / "output" / "x.txt", "1\n")
    shutil.rmtree(tmp_path / "output")
    write_result(tmp_path / "output" / "x.txt", "2\n")
    assert (tmp_path / "output" / "x.txt").read_text() == "2\n"


def test_zlib_may_hold_output_when_its_input_is_used_up() -> None:
    """A piece that is exactly full ends neither the text nor the input."""
    for size in (files.PIECE - 1, files.PIECE, files.PIECE + 1, 3 * files.PIECE):
        for level in (0, 1, 9):
            buffer = io.BytesIO()
            with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=level) as file:
                file.write(bytes(size))
            assert sum(map(len, files._inflate(cut(buffer.getvalue(), 5000)))) == size
