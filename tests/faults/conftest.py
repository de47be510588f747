"""A server of its own process, and workers that share its queue. (test_shutdown has a server that it looks into.)"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
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
        if run.process.poll() is None:
            run.process.kill()
            run.process.wait()
        if run.process.stdout is not None:
            run.process.stdout.close()
        run.errors.close()
