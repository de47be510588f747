"""Lines as `grep -c .` counts them."""

from __future__ import annotations

import shutil
import subprocess
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


TEXTS = {
    b"": 0,
    b"\n\n": 0,
    b"a": 1,
    b"a\n\nb": 2,
    b"\r\n \n": 2,
    b"\xff\n": 1,
    b"\n\na\n": 1,
    b"a\0b\n": 2,
    b"\0\n": 0,
}


def test_lines_as_grep_counts_them(tmp_path: Path) -> None:
    command = shutil.which("grep")
    gnu = command and b"GNU" in subprocess.run([command, "--version"], capture_output=True).stdout
    path = tmp_path / "text"
    for text, lines in TEXTS.items():
        path.write_bytes(text)
        assert count_lines(path) == lines
        if gnu:
            done = subprocess.run(["grep", "-c", ".", path], capture_output=True, env={"LC_ALL": "C"})
            assert int(done.stdout) == lines
