"""Lines as `grep -c .` counts them."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto.files import count_lines


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


def test_what_is_no_plain_text_is_counted_as_its_bytes_say(tmp_path: Path) -> None:
    """As localstack/inputs.md tells."""
    text = "one\ntwo\n"
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as tar:
        member = tarfile.TarInfo("text")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text.encode()))
    path = tmp_path / "file"

    def counted(data: bytes) -> int:
        path.write_bytes(data)
        return count_lines(path)

    assert counted(text.encode()) == 2
    assert counted(text.encode("utf-16-le")) == len("onetwo")
    assert counted(packed.getvalue()) > 2
