"""The seventeen faults of the talk's original, by the rows of its table. Ours has none of them.

Each row was put into ours, and the test named here failed. Paths are below `tests/`.

| row | what the original did | the test that fails on it |
|---|---|---|
| 1 | crashed on S3's test event | faults/test_backlogs.py, any backlog at any timing; steps/test_queues.py |
| 2 | lost demand, and owed less than nothing | the same; steps/test_transcripts.py, the grammar |
| 3 | stranded what a killed loop had received | faults/test_backlogs.py, with kills |
| 4 | parsed no receive of several messages | steps/test_transcripts.py, the grammar with a queue |
| 5, 6 | used the first record only; did not decode keys | faults/test_bad_input.py |
| 7 | ignored what a batch delete says | cloud/queue/test_returns.py; faults/test_faulty_runs.py |
| 8, 17 | crashed on a bad file; lost nine messages to a bad one | faults/test_bad_input.py |
| 9 | held the whole file in memory | files/test_gzip.py; cloud/clients/test_downloads.py |
| 10 | wrote two results to one file, and appended | cloud/test_warehouse.py; files/test_results.py |
| 11 | slept 5 s after every receive | steps/test_transcripts.py, the transcript of step 7 |
| 12 | let a slow file's message go; had no dead letters | cloud/queue/test_heartbeat.py; cloud/test_conformance.py |
| 13 | took messages from everybody, for 600 s | cloud/test_conformance.py, deploying twice |
| 14 | never started a dead loop again | faults/test_faulty_runs.py, half of the requests fail |
| 15 | ran on after one event too many | here |
| 16 | deleted messages without a result | faults/test_backlogs.py, by tens; cloud/test_warehouse.py |
"""

from __future__ import annotations

from typing import Any

import anyio
import pytest
from rig import event_of, gz

from steps import step5

BUCKET = "warehouse.development"


def looked_for(run: Any) -> int:
    """The fewest events that a loop said it was looking for."""
    return min(int(text.split()[-2]) for text in run.said if "Looking for" in text)


def test_row_15_two_events_where_one_is_wanted_end_the_loop(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def never_ready(_: object, events: list[str]) -> None:
        await anyio.sleep(300)

    ask = lambda self: self.subscribe("SQS.Producer", min_demand=0, max_demand=5)  # noqa: E731
    monkeypatch.setattr(step5.Consumer, "init", ask)  # three ask for 15, and two are found at a time
    monkeypatch.setattr(step5.Consumer, "handle_events", never_ready)
    assert looked_for(play(5, seconds=80)) == 1


def test_row_15_a_message_of_three_files_where_one_is_wanted_ends_the_loop(rig: Any) -> None:
    three = {f"three/{n}.gz": gz(n) for n in range(3)}
    one = rig(three, [event_of(BUCKET, *three)] * 2)
    run = one.perform(pipelines=1)
    one.check_all_done()
    assert run.summary.redelivered == 0
    assert run.kinds("loop_crashed") == []
    assert looked_for(run) == 1
