"""What a run endures: its server fails now and then, is late, or hangs. What ends it is in cloud/test_endurance.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from palleto.cloud.faults import Faults


@pytest.fixture
def play_9(play: Any, tmp_path: Any, backend: str) -> Callable[..., Any]:
    def play_9(faults: Faults, **options: Any) -> Any:
        return play(9, faults=faults, backend=backend, **options)

    return play_9


@pytest.mark.parametrize("code", ["InternalError", "ConnectionClosedError"])
@pytest.mark.parametrize("operation", ["sqs.ReceiveMessage", "sqs.DeleteMessageBatch", "s3.GetObject"])
def test_a_run_goes_on_after_half_of_its_requests_failed_and_says_so_once(
    play_9: Callable[..., Any], operation: str, code: str
) -> None:
    played = play_9(Faults().fail(operation, code, at=range(1, 100, 2)))
    assert len(played.kinds("written")) == 12
    assert len(played.kinds("fault")) >= 3
    assert played.kinds("crash") == []
    ledger = played.performance.cloud.simulated.ledger(played.performance.warehouse.queue_url)
    assert (ledger.deleted, ledger.sent) == (13, 13)
    assert len([line for line in played.reported if "started again" in line]) <= 1
    assert json.dumps(played.reported).count(code) <= 2


def test_a_loop_that_crashes_now_and_then_does_not_wait_longer_each_time(play_9: Callable[..., Any]) -> None:
    played = play_9(Faults(1).fail("sqs.ReceiveMessage", at=range(2, 60, 2)), seconds=300)
    crashes = [event.t for event in played.kinds("loop_crashed")]
    polls = [event.t for event in played.kinds("receive")]
    waits = [min(t for t in polls if t > crash) - crash for crash in crashes if crash < 250]
    assert len(waits) >= 10
    assert max(waits) < 2.2  # 0.1 s at most, and the poll's own 2 s


def test_a_message_whose_time_ran_out_is_deleted_and_told(play_9: Callable[..., Any]) -> None:
    """The heartbeat fails, and the answer of a download takes longer than the visibility timeout."""
    faults = Faults().fail("sqs.ChangeMessageVisibilityBatch", rate=1.0).slow("s3.GetObject", 45, at=1)
    played = play_9(faults)
    assert len({event.ids for event in played.kinds("written")}) == 12
    assert len(played.kinds("written")) >= 13  # it came again, and was done twice, to the same result
    assert len(played.kinds("stale")) >= 1
    assert len([line for line in played.reported if "visibility timeout (30 s) of" in line]) == 1
    ledger = played.performance.cloud.simulated.ledger(played.performance.warehouse.queue_url)
    assert (ledger.deleted, ledger.in_flight, ledger.visible) == (13, 0, 0)


def test_a_drain_does_not_wait_longer_than_its_deadline_for_a_poll_that_hangs(play_9: Callable[..., Any]) -> None:
    played = play_9(Faults().hang("sqs.*", 600, rate=1.0), seconds=3, drain_timeout=4)
    assert played.summary.seconds <= 3 + 4 + 1
