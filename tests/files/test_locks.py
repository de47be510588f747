"""What a run that was killed left behind is removed; what a running one works on is not."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO

import pytest

from palleto.files import LOCK, lock, locked_folder, sweep, write_result

LEFT = ".0123456789abcdef.tmp"


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tmp"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_a_half_written_result_is_removed_unless_somebody_writes_it(tmp_path: Path, temporary: Path) -> None:
    output = tmp_path / "output"
    write_result(output / "a/b.txt", "1\n")
    (output / "a" / LEFT).write_text("1")
    other = output / LEFT
    with other.open("w") as file:
        assert lock(file)
        sweep(output)
        assert other.exists()
    assert sorted(path.name for path in (output / "a").iterdir()) == ["b.txt"]
    sweep(output)
    assert not other.exists()


def test_the_users_own_files_stay(tmp_path: Path, temporary: Path) -> None:
    for name in (".hidden.tmp", "notes.tmp", "0123456789abcdef.tmp"):
        (tmp_path / name).write_text("mine")
    (temporary / "palleto-of-mine").mkdir()
    sweep(tmp_path)
    assert len([path for path in tmp_path.iterdir() if path.is_file()]) == 3
    assert (temporary / "palleto-of-mine").is_dir()  # it has no lock, so no run made it


def test_a_spool_is_removed_when_its_run_is_gone(tmp_path: Path, temporary: Path) -> None:
    left = temporary / "palleto-left"
    left.mkdir()
    (left / LOCK).touch()
    (left / "a file").write_text("x")
    with locked_folder() as mine:
        (mine / "a file").write_text("x")
        sweep(tmp_path / "nowhere")  # no results yet: that is no reason to leave spools
        assert [path.name for path in temporary.iterdir()] == [mine.name]
        assert (mine / "a file").exists()
    assert list(temporary.iterdir()) == []


@pytest.mark.parametrize("held", [False, True], ids=["swept before it is locked", "locked by the sweep"])
def test_a_result_swept_in_the_moment_before_it_is_locked_is_written_again(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch, held: bool
) -> None:
    """A worker that begins sweeps the output of those that run: one of two in CI ended so, on 2026-11-25."""
    swept = []

    def begin_another(file: IO[bytes]) -> bool:
        if not swept:
            swept.append(file.name)
            sweep(tmp_path)
            return not held and lock(file)
        return lock(file)

    monkeypatch.setattr("palleto.files.results.lock", begin_another)
    write_result(tmp_path / "a.txt", "1\n")
    assert not Path(swept[0]).exists()
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["a.txt"]
    assert (tmp_path / "a.txt").read_text() == "1\n"
