"""Every way in which a gzip file can be bad."""

from __future__ import annotations

import contextlib
import gzip
import io
import shutil
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Iterator
from itertools import pairwise, product
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palleto.errors import BadFile, SettingError
from palleto.files import Zipped, count_lines, is_small, unzip
from palleto.files import gzip as files

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


@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
@pytest.mark.parametrize(
    ("data", "text"),
    [
        (ZIPPED, TEXT),
        (gzip.compress(b"", mtime=0), b""),
        (ZIPPED + gzip.compress(b"more\n", mtime=0) + gzip.compress(b"", mtime=0), TEXT + b"more\n"),
        (ZIPPED + bytes(700), TEXT),
    ],
    ids=["one", "nothing", "members", "zeros"],
)
def test_unzips_what_zcat_unzips(tmp_path: Path, data: bytes, text: bytes, size: int) -> None:
    target = tmp_path / "text"
    assert unzip(cut(data, size), target, 10**6) == len(text)
    assert target.read_bytes() == text
    if size == 1000 and (zcat := shutil.which("zcat")):
        assert subprocess.run([zcat], input=data, capture_output=True).stdout == text


def _broken_checksum() -> bytes:
    return ZIPPED[:-8] + bytes([ZIPPED[-8] ^ 1]) + ZIPPED[-7:]


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (b"", "not gzip: the file is empty"),
        (b"\x1f", "not gzip: the file has a single byte"),
        (b"hello\n", "not gzip: begins with"),
        (b"no", "not gzip: begins with"),
        (bytes(100), "not gzip: begins with"),
        (ZIPPED[:2], "cut off after 2 bytes"),
        (ZIPPED[:-1], f"cut off after {len(ZIPPED) - 1} bytes"),
        (ZIPPED[:100], "cut off after 100 bytes"),
        (ZIPPED + ZIPPED[:50], f"cut off after {len(ZIPPED) + 50} bytes"),
        (_broken_checksum(), "corrupt"),
        (ZIPPED[:10] + b"\xff" * 40, "corrupt"),
        (b"\x1f\x8b\x07" + ZIPPED[3:], "corrupt"),
        # What follows a member and is neither zeros nor another one may be one that was damaged.
        (ZIPPED + b"garbage", f"not gzip after {len(ZIPPED)} bytes: what follows begins with 67"),
        (ZIPPED + b"\x1f", f"not gzip after {len(ZIPPED)} bytes: what follows begins with 1f instead"),
        (ZIPPED + bytes(5) + b"\1", f"not gzip after {len(ZIPPED) + 5} bytes"),
        (ZIPPED + b"\x1e" + ZIPPED[1:], f"not gzip after {len(ZIPPED)} bytes"),
        (ZIPPED + b"\x1f\x8a" + ZIPPED[2:], f"not gzip after {len(ZIPPED)} bytes"),
        (ZIPPED + bytes(5) + ZIPPED[:9], f"cut off after {len(ZIPPED) + 14} bytes"),
    ],
)
def test_bad_gzip_is_one_line_however_it_comes_and_leaves_no_file(tmp_path: Path, data: bytes, says: str) -> None:
    said = set()
    for size in (1, 2, 3, 7, 1 << 20):
        with pytest.raises(BadFile, match=says) as caught:
            unzip(cut(data, size), tmp_path / "text", 10**6)
        said.add(str(caught.value))
        assert list(tmp_path.iterdir()) == []
    assert len(said) == 1 or says == "corrupt", "that says within how many bytes"
    assert "\n" not in said.pop()
    with pytest.raises(BadFile, match=says):
        print(Zipped(data, 10**6).size)


def test_a_text_of_exactly_max_bytes_passes(tmp_path: Path) -> None:
    assert unzip([ZIPPED], tmp_path / "text", len(TEXT)) == len(TEXT)
    with pytest.raises(BadFile, match=f"more than --max-bytes={len(TEXT) - 1}$"):
        unzip([ZIPPED], tmp_path / "text", len(TEXT) - 1)
    with pytest.raises(BadFile, match=f"more than --max-bytes={len(TEXT) - 1}$"):
        count_lines(Zipped(ZIPPED, len(TEXT) - 1))
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
from palleto.files import Zipped, count_lines, unzip
path, piece = Path(sys.argv[1]), sys.argv[3].encode() * (1 << 14)
deflate = zlib.compressobj(1, wbits=31)
zipped = b"".join([*(deflate.compress(piece) for _ in range(int(sys.argv[2]))), deflate.flush()])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
size, lines = unzip([zipped], path, 1 << 40), count_lines(path)
here = Zipped(zipped, 1 << 40)
assert (count_lines(here), here.size) == (lines, size)
print(size, lines, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="ru_maxrss is in KiB on Linux")
@pytest.mark.parametrize(
    ("mib", "text", "lines"),
    [(128, "x" * 64, 1), pytest.param(1024, "x" * 63 + "\n", 1024 << 14, marks=pytest.mark.long)],
    ids=["one line of 128 MiB", "1 GiB"],
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


def member(text: bytes, fields: tuple[bytes, ...], checksum: bool = False, level: int = 9) -> bytes:
    """A member of a gzip file. fields: FEXTRA, FNAME and FCOMMENT, empty where there is none; checksum: FHCRC."""
    extra, name, comment = fields
    flags = 4 * bool(extra) | 8 * bool(name) | 16 * bool(comment) | 2 * checksum
    header = b"\x1f\x8b\x08" + bytes([flags]) + b"\1\2\3\4\0\3"
    header += struct.pack("<H", len(extra)) + extra if extra else b""
    header += b"".join(each + b"\0" for each in (name, comment) if each)
    header += struct.pack("<H", zlib.crc32(header) & 0xFFFF) if checksum else b""
    return header + gzip.compress(text, level, mtime=0)[10:]


words = st.binary(max_size=30).map(lambda word: word.replace(b"\0", b""))
members = st.builds(
    member,
    st.one_of(st.binary(max_size=300), st.integers(0, 9000).map(lambda lines: b"abc\n" * lines)),
    st.tuples(st.binary(max_size=30) | st.just(bytes(40_000)), words, words | st.just(b"x" * 20_000)),
    st.booleans(),
    st.integers(0, 9),
)
padded = st.tuples(members, st.integers(0, 9).map(bytes)).map(b"".join)


@settings(max_examples=50)
@given(st.lists(padded, min_size=1, max_size=12).map(b"".join), st.data())
def test_any_header_any_split_and_many_members_are_what_gzip_makes_of_them(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, rest: st.DataObject
) -> None:
    """ISA-L refuses some headers that come in two pieces: zlib's word counts."""
    cuts = sorted(rest.draw(st.lists(st.integers(0, len(data)), max_size=20)))
    pieces = [data[start:end] for start, end in pairwise([0, *cuts, len(data)])]
    path = tmp_path_factory.getbasetemp() / "text"
    unzip(pieces, path, 1 << 30)
    text = gzip.decompress(data)
    assert path.read_bytes() == text
    here = Zipped(data, len(text))
    with here.open("rb", buffering=0) as file:
        size = rest.draw(st.integers(1, 1 << 17))
        assert b"".join(iter(lambda: file.read(size), b"")) == text
    assert here.size == len(text)


@pytest.mark.parametrize(
    ("data", "small"),
    [
        (ZIPPED, True),
        (gzip.compress(b"", mtime=0), True),
        (ZIPPED + bytes(8), True),
        (gzip.compress(bytes(8 * MIB), mtime=0), True),
        (gzip.compress(bytes(8 * MIB + 1), mtime=0), False),
        (ZIPPED[:-3], False),
        (b"", False),
        (b"text" + bytes(4), False),
    ],
)
def test_a_gzip_file_says_itself_that_its_text_is_small(data: bytes, small: bool) -> None:
    assert is_small(data) == small


def test_what_is_here_as_gzip_is_opened_as_a_path_is() -> None:
    here = Zipped(ZIPPED, len(TEXT))
    assert here.size == len(TEXT)
    with here.open() as lines, here.open("rb") as data:
        assert list(lines) == TEXT.decode().splitlines(keepends=True)
        assert data.readline() + data.read() == TEXT
    assert count_lines(here) == 5000


@pytest.mark.parametrize("checksum", [False, True], ids=["", "FHCRC"])
@pytest.mark.parametrize("fields", [*product((b"", b"IG\4\0abcd"), (b"", b"name"), (b"", b"comment"))])
def test_a_header_that_comes_in_two_pieces(tmp_path: Path, fields: tuple[bytes, ...], checksum: bool) -> None:
    first, second = gzip.compress(b"first\n", mtime=0), member(b"second\n", fields, checksum)
    third = member(TEXT, fields, checksum)
    for cut_at in range(len(first), len(first + second)):
        data = first + second + third
        unzip([data[:cut_at], data[cut_at:]], tmp_path / "text", 10**6)
        assert (tmp_path / "text").read_bytes() == b"first\nsecond\n" + TEXT


def test_what_zlib_refuses_too_is_bad_wherever_the_header_is_cut(tmp_path: Path) -> None:
    data = member(TEXT, (b"extra", b"name", b""), checksum=True)
    for cut_at in range(40):
        for bad, says in ((data[:-8] + bytes([data[-8] ^ 1]) + data[-7:], "corrupt"), (data[:-1], "cut off")):
            with pytest.raises(BadFile, match=says):
                unzip([bad[:cut_at], bad[cut_at:]], tmp_path / "text", 10**6)


def test_a_header_longer_than_any_is_read_all_the_same(tmp_path: Path) -> None:
    data = ZIPPED + member(TEXT, (b"", b"x" * 3 * MIB, b""), checksum=True) + ZIPPED
    unzip(cut(data, 100_000), tmp_path / "text", 10**6)
    assert (tmp_path / "text").read_bytes() == 3 * TEXT
    with pytest.raises(BadFile, match="cut off after"):
        unzip(cut(data[: 2 * MIB], 100_000), tmp_path / "text", 10**6)


def test_where_isal_complains_zlib_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a member's beginning; what isal has unzipped of it by then is not written twice."""

    class Complains:
        def __init__(self, wbits: int) -> None:
            self.real = real(wbits)

        def __getattr__(self, name: str) -> object:
            return getattr(self.real, name)

        def decompress(self, data: bytes, most: int) -> bytes:
            begun = self.real.decompress(data, 100)
            if self.asked:
                raise files.isal_zlib.error("incorrect header checksum")
            self.asked = True
            return begun

        asked = False

    real = files.isal_zlib.decompressobj
    monkeypatch.setattr(files.isal_zlib, "decompressobj", Complains)
    unzip([ZIPPED + ZIPPED], tmp_path / "text", 10**6)
    assert (tmp_path / "text").read_bytes() == 2 * TEXT
    with pytest.raises(BadFile, match=r"corrupt within the first .* bytes of gzip \(Error -3"):
        unzip([_broken_checksum()], tmp_path / "text", 10**6)


def test_the_library_may_hold_output_when_its_input_is_used_up() -> None:
    """A piece that is exactly full ends neither the text nor the input."""
    for size in (files.PIECE - 1, files.PIECE, files.PIECE + 1, 3 * files.PIECE):
        for level in (0, 1, 9):
            buffer = io.BytesIO()
            with gzip.GzipFile(fileobj=buffer, mode="wb", compresslevel=level) as file:
                file.write(bytes(size))
            assert sum(map(len, files._inflate(cut(buffer.getvalue(), 5000)))) == size
