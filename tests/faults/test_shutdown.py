"""The end of a run: Ctrl-C once and twice, SIGTERM, what a second run finds, and errors of the user's.

The runs are processes, against a moto server that outlives them.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from rig import VISIBILITY, Rig, files
from worker import Moto, Run

from palleto.cloud import Simulation, samples

FILES = 60
ON_TRIO_TOO = ["asyncio", pytest.param("trio", marks=pytest.mark.long)]
"""Backends of tests that take 5 s of real time each."""


@cache
def counts() -> dict[str, int]:
    """Lines, by result file; made when they are asked for, as it takes half a second."""
    return {sample.key.replace(".gz", ".txt"): sample.lines for sample in samples(FILES)}


@pytest.fixture
def start(moto: Moto, start: Callable[..., Run], tmp_path: Path) -> Iterator[Callable[..., Run]]:
    """Start a worker at the server; its spool is empty at the end."""
    yield partial(start, moto.url)
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize(
    ("number", "backend"), [(signal.SIGINT, "asyncio"), pytest.param(signal.SIGTERM, "trio", marks=pytest.mark.long)]
)
def test_a_signal_in_the_middle_is_a_clean_end(moto: Moto, start: Any, number: int, backend: str) -> None:
    first = start("--files", str(FILES), "--backend", backend)
    code, said = first.until("processed", 12).kill(number).ended()
    assert code == 0
    assert f"{signal.Signals(number).name}: finishing what is in hand; once more ends at once" in said
    assert "events consumed" in said
    assert moto.depth()[1] == 0
    done = first.results
    assert 12 <= len(done) < FILES
    processed = [line for line in first.lines if "processed" in line]
    assert len(processed) == len(done)

    begun = time.monotonic()
    second = start("--files", str(FILES), "--backend", backend)
    code, said = second.ended()
    assert code == 0
    assert time.monotonic() - begun < VISIBILITY / 2  # no message had to wait for its timeout
    assert moto.depth() == (0, 0)
    assert second.results == counts()
    assert len([line for line in second.lines if "processed" in line]) == FILES - len(done)


@pytest.mark.parametrize("backend", ON_TRIO_TOO)
def test_two_signals_end_at_once_and_give_back(moto: Moto, start: Any, backend: str) -> None:
    run = start("--files", str(FILES), "--backend", backend, "--pipelines", "20")
    run.until("processed", 3).kill(signal.SIGINT)
    run.until_said("once more ends at once").kill(signal.SIGINT)
    code, said = run.ended(5)
    assert code in (0, 130), said  # 0 where all that was in hand was done in between
    assert moto.depth()[1] <= 10  # a poll under way is left behind, and what it receives then comes again
    assert run.results.items() <= counts().items()


@pytest.mark.parametrize("backend", ON_TRIO_TOO)
def test_two_signals_while_a_poll_is_under_way(moto: Moto, start: Any, backend: str) -> None:
    run = start("--files", "0", "--forever", "--backend", backend).until("looping: Run 1")
    run.kill(signal.SIGINT).until_said("once more ends at once").kill(signal.SIGINT)
    begun = time.monotonic()
    assert run.ended(10)[0] == 130
    assert time.monotonic() - begun < 5  # the poll's two seconds and the way out
    assert moto.depth() == (0, 0)


def test_a_signal_while_there_is_nothing_to_do(moto: Moto, start: Any) -> None:
    code, said = start("--files", "0", "--forever").until("Asking for").kill(signal.SIGINT).ended()
    assert (code, moto.depth()) in [(0, (1, 0)), (0, (0, 0))]  # the test message
    assert "0 events consumed" in said


def test_a_missing_folder_is_made_and_a_file_in_its_place_is_one_error(moto: Moto, start: Any) -> None:
    good = start("--files", "3")
    assert not good.output.exists()
    assert good.ended()[0] == 0
    assert len(good.results) == 3
    code, said = start("--files", "5", "--output", __file__).ended()
    assert code == 1
    (line,) = [line for line in said.splitlines() if not line.startswith("endpoint http")]
    assert line == f"error: expected a folder for --output, got {__file__}: it is a file; choose another folder"
    assert moto.depth() == (0, 0)


@pytest.mark.long
def test_a_server_that_goes_away_is_no_traceback(moto: Moto, start: Any) -> None:
    run = start("--files", "40", "--drain-timeout", "1").until("processed", 4)
    moto.kill()
    time.sleep(0.5)
    code, said = run.kill(signal.SIGINT).ended(40)
    assert code in (0, 1)
    assert said.count("\n") < 20


# ---- on virtual time


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("at", [0.0, 0.02, 0.05, 0.33, 1.0, 2.5])
def test_a_drain_finishes_what_is_in_hand(play: Any, tmp_path: Path, at: float, backend: str) -> None:
    rig = Rig(play, tmp_path / "output", files(60))
    simulation = Simulation(receive=(0.0, 0.05), get_object=(0.0, 0.1))
    run = play(
        9,
        pipeline=None,
        prepare=rig.prepare,
        files=0,
        output=rig.output,
        seconds=at or 1e-6,
        simulation=simulation,
        backend=backend,
        seed=int(at * 100),
    )
    rig.run = run
    ledger = rig.ledger
    assert ledger.in_flight == 0
    assert not any("given back" in line for line in run.reported)  # all that was received was finished
    assert ledger.deleted in (len(rig.results), len(rig.results) + 1)
    assert run.summary.seconds < at + 2.5  # a poll that was under way at most


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_what_a_drain_cannot_finish_is_given_back(play: Any, tmp_path: Path, backend: str) -> None:
    """A request that was sent is always answered, so the end waits for those under way; nothing is left in flight."""
    rig = Rig(play, tmp_path / "output", files(6))
    settings = {"simulation": Simulation(get_object=60.0), "backend": backend, "seconds": 1.0, "drain_timeout": 5.0}
    rig.run = play(9, prepare=rig.prepare, files=0, output=rig.output, **settings)
    assert rig.ledger.in_flight == 0
    assert rig.ledger.visible + len(rig.results) == 6
    assert rig.ledger.visible >= 3
    assert any("given back" in line for line in rig.run.reported) or rig.run.kinds("lost")
