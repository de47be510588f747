"""Runs of a step on the simulated place; and a server in a process of its own, and workers that share its queue."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from rig import Rig
from worker import Moto, Run


@pytest.fixture
def moto() -> Iterator[Moto]:
    made = Moto()
    yield made
    made.kill()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start a worker. All write to one folder, and each has a folder of its own for its standard error."""
    made: list[Run] = []
    spool = tmp_path / "spool"
    spool.mkdir()

    def start(url: str, *options: str) -> Run:
        folder = tmp_path / f"worker{len(made)}"
        folder.mkdir()
        made.append(Run(folder, url, "--files", "0", "--output", str(tmp_path / "output"), *options, spool=spool))
        made[-1].output = tmp_path / "output"
        return made[-1]

    yield start
    for run in made:
        run.close()


@pytest.fixture
def rig(play: Any, tmp_path: Path) -> Callable[..., Rig]:
    """`rig(files, ...)`: each has an output folder of its own."""
    number = iter(range(1000))
    return lambda *args, **settings: Rig(play, tmp_path / f"output{next(number)}", *args, **settings)
