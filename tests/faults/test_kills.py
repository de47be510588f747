"""Step 9 and its server as processes, killed: what is done stays done, and what is not done is done by the next one."""

from __future__ import annotations

import random
import signal
import socket
import time
from typing import Any

import pytest
from worker import Moto, counts, numbered

FOR_EVER = 1000  # maxReceiveCount: a message in hand at three kills is no poison here


def consumed(said: str) -> int:
    """How many events a worker's summary says that it consumed."""
    (line,) = [line for line in said.splitlines() if "consumed in" in line]
    return int(line.split()[0])


# ---- kill -9 of the worker


@pytest.mark.timeout(600)
@pytest.mark.parametrize("moments", [1, pytest.param(50, marks=pytest.mark.long)])
def test_after_kill_9_at_random_moments_one_run_finishes_everything(moto: Moto, start: Any, moments: int) -> None:
    """At each moment there are more files to do."""
    files = 10
    chance = random.Random(moments)
    moto.deploy(visibility_timeout=2, max_receive_count=FOR_EVER)
    for moment in range(moments):
        moto.put(numbered(moment * files + 1, (moment + 1) * files))
        run = start(moto.url, "--backend", ("asyncio", "trio")[moment % 2])
        run.until(chance.choice(["Asking for", "looping", "downloaded", "processed"]), chance.randint(1, 3))
        time.sleep(chance.uniform(0, 0.05))
        run.kill(signal.SIGKILL)
        run.process.wait()
    last = start(moto.url)
    code, said = last.ended(60)
    assert code == 0, said
    assert last.results == counts(1, moments * files)
    assert {path.suffix for path in last.output.rglob("*") if path.is_file()} == {".txt"}  # nothing partial
    assert moto.depth() == (0, 0)
    assert moto.depth(dead=True) == (0, 0)
    assert list((last.output.parent / "spool").iterdir()) == []  # nor of what was on its way


# ---- several workers


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.parametrize(("workers", "files"), [(3, 40), (4, 400)])
def test_workers_share_a_queue_and_one_that_is_killed_is_made_good(
    moto: Moto, start: Any, workers: int, files: int
) -> None:
    moto.deploy(visibility_timeout=3)
    moto.put(numbered(1, files))
    runs = [start(moto.url, "--backend", ("asyncio", "trio")[n % 2], "--pipelines", "2") for n in range(workers)]
    runs[0].until("processed", 2).kill(signal.SIGKILL)
    runs[0].process.wait()
    killed = runs[0].process.stdout
    assert killed is not None
    runs[0].lines += killed.readlines()
    said = [run.ended(90) for run in runs[1:]]
    assert [code for code, _ in said] == [0] * (workers - 1), said
    assert runs[0].results == counts(1, files)
    assert moto.depth() == (0, 0)
    assert moto.depth(dead=True) == (0, 0)
    # The counts add up: each file was consumed by somebody, twice only where the killed one had it in hand.
    by_killed = sum("Pipeline" in line and "processed" in line for line in runs[0].lines)
    total = by_killed + sum(consumed(told) for _, told in said)
    assert files - 2 <= total <= files + 2  # what its two pipelines were at when it was killed
    assert min(consumed(told) for _, told in said) > 0


# ---- kill -9 of the server, and a server that does not answer


BACKENDS = ["asyncio", pytest.param("trio", marks=pytest.mark.long)]


@pytest.mark.long
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_server_that_is_killed_and_started_again_costs_only_its_state(moto: Moto, start: Any, backend: str) -> None:
    """It is empty then; the stack and the files are put back."""
    moto.deploy()
    moto.put(numbered(1, 40))
    run = start(moto.url, "--backend", backend, "--forever").until("processed", 10)
    moto.kill()
    run.until_said("is started again after CloudError")
    done = len(run.results)
    moto.start()
    time.sleep(0.5)  # there is no queue yet
    moto.deploy()
    moto.put(numbered(30, 60))  # some again
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        if run.results.items() >= counts(30, 60).items() and moto.depth() == (0, 0):
            break
        time.sleep(0.05)
    code, said = run.kill(signal.SIGINT).ended()
    assert code == 0, said
    assert done >= 10
    assert run.results.items() >= counts(30, 60).items()
    assert run.results.items() <= counts(1, 60).items()
    assert moto.depth() == (0, 0)
    assert "Consumer crashed" not in said
    assert said.count("\n") < 25


@pytest.mark.parametrize("backend", BACKENDS)
def test_ctrl_c_ends_a_run_that_waits_for_a_server_at_its_start(start: Any, backend: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        run = start(url, "--backend", backend).until_said("endpoint http")
        time.sleep(0.3)
        code, said = run.kill(signal.SIGINT).ended(10)  # botocore would wait for 90 s
    assert code == 130, said
