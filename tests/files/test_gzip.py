"""Every way in which a gzip file can be bad."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.errors import BadFile, SettingError
from palleto.files import gzip as files
from palleto.files import unzip

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
path, piece = Path(sys.argv[1]), sys.argv[3].encode() * (1 << 14)
deflate = zlib.compressobj(1, wbits=31)
zipped = b"".join([*(deflate.compress(piece) for _ in range(int(sys.argv[2]))), deflate.flush()])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(unzip([zipped], path, 1 << 40), count_lines(path), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize(
    ("mib", "text", "lines"),
    [
        (256, "x" * 63 + "\n", 256 << 14),
        (256, "x" * 64, 1),
        pytest.param(1024, "x" * 63 + "\n", 1024 << 14, marks=pytest.mark.long),
    ],
    ids=["256 MiB", "one line of 256 MiB", "1 GiB"],
)
def test_a_large_file_takes_bounded_memory(tmp_path: Path, mib: int, text: str, lines: int) -> None:
    command = [sys.executable, "-c", BIG, str(tmp_path / "text"), str(mib), text]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (tmp_path / "text").unlink()
    size, counted, grown = map(int, done.stdout.split())
    assert (size, counted) == (mib << 20, lines)
    assert grown < 64 * 1024  # KiB


@given(st.data())
def test_whatever_is_wrong_with_it_zlib_is_of_the_same_opinion(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """The library that unzips is another, ISA-L; it only lets the flags pass that the format reserves."""
    draw = data.draw
    text = draw(st.one_of(st.binary(max_size=300), st.integers(0, 5000).map(lambda lines: b"abc\n" * lines)))
    strategy = draw(st.sampled_from([zlib.Z_DEFAULT_STRATEGY, zlib.Z_HUFFMAN_ONLY, zlib.Z_FIXED]))
    packer = zlib.compressobj(draw(st.integers(0, 9)), zlib.DEFLATED, 31, 8, strategy)
    packed = bytearray(packer.compress(text) + packer.flush())
    for place, bit in draw(st.lists(st.tuples(st.integers(2, len(packed) - 1), st.integers(0, 7)), max_size=2)):
        packed[place] ^= 1 << bit
    packed[3] &= 0b00011111
    del packed[draw(st.integers(2, len(packed))) :]
    expected: bytes | None = None
    with contextlib.suppress(zlib.error):
        unpacker = zlib.decompressobj(31)
        unzipped = unpacker.decompress(bytes(packed))
        expected = unzipped if unpacker.eof else None
    path = tmp_path_factory.getbasetemp() / "text"
    chunks = cut(bytes(packed), draw(st.integers(1, 400)))
    if expected is None:
        with pytest.raises(BadFile):
            unzip(chunks, path, 1 << 30)
    else:
        unzip(chunks, path, 1 << 30)
        assert path.read_bytes() == expected


def test_the_library_may_hold_output_when_its_input_is_used_up() -> None:
    """A piece that is exactly full ends neither the text nor the input."""
    for size in (files.PIECE - 1, files.PIECE, files.PIECE + 1, 3 * files.PIECE):
        for level in (0, 1, 9):
            buffer = io.BytesIO()
            with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=level) as file:
                file.write(bytes(size))
            assert sum(map(len, files._inflate(cut(buffer.getvalue(), 5000)))) == size
