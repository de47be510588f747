"""The end of a run: Ctrl-C twice, in processes against a moto server that outlives them; and a drain at any moment.

`tests/program/test_processes.py` has a single signal of each kind.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from rig import files
from worker import Moto, Run

from palleto.cloud import Simulation

ON_TRIO_TOO = ["asyncio", pytest.param("trio", marks=pytest.mark.long)]
"""Backends of tests that take 5 s of real time each."""


@pytest.fixture
def start(moto: Moto, start: Callable[..., Run], tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start a worker at the server; its spool is empty at the end."""
    yield partial(start, moto.url)
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize("backend", ON_TRIO_TOO)
def test_two_signals_while_a_poll_is_under_way(moto: Moto, start: Any, backend: str) -> None:
    run = start("--files", "0", "--forever", "--backend", backend).until("looping: Run 1")
    run.kill(signal.SIGINT).until_said("once more ends at once").kill(signal.SIGINT)
    assert run.ended(5)[0] == 130  # the poll's two seconds and the way out
    assert moto.depth() == (0, 0)


# ---- on virtual time


@pytest.mark.parametrize("at", [0.0, 0.05, 0.33, 2.5])
def test_a_drain_finishes_what_is_in_hand(rig: Any, at: float, backend: str) -> None:
    drained = rig(files(60))
    simulation = Simulation(receive=(0.0, 0.05), get_object=(0.0, 0.1))
    run = drained.perform(seconds=at or 1e-6, simulation=simulation, backend=backend, seed=int(at * 100))
    assert drained.ledger.in_flight == 0
    assert not any("given back" in line for line in run.reported)  # all that was received was finished
    assert drained.ledger.deleted in (len(drained.results), len(drained.results) + 1)
    assert run.summary.seconds < at + 2.5  # a poll that was under way at most
