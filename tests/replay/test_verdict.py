"""What became of each message and file, from the trace alone: it agrees with the queue's own books, and the results."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lost_demand import BelowZero, two_readers

from palleto import Trace, TraceEvent, clock
from palleto.cloud import Simulation
from palleto.experiment import Repetition
from palleto.program import Options, StepRun
from palleto.replay import Verdict, verdict
from palleto.trace import Recorder
from steps import step9


def fates(found: Verdict) -> tuple[dict[str, int], dict[str, int]]:
    return Counter(one.fate for one in found.messages), Counter(one.fate for one in found.files)


def without_word_of_the_queue(trace: Trace) -> Trace:
    """What a run on a server leaves: only requests tell."""
    return Trace(event for event in trace if event.kind != "message")


@pytest.mark.parametrize("server", [False, True])
def test_a_healthy_run(play: Any, server: bool) -> None:
    trace = play(9).trace
    found = verdict(without_word_of_the_queue(trace) if server else trace)
    assert found
    assert found.line == "13 messages: 13 done once; 12 files: 12 done once"
    assert repr(found).startswith(found.line)
    assert ">deleted; it names no file</td>" in found._repr_html_()
    assert found.why is None


@pytest.mark.parametrize("server", [False, True])
def test_who_deletes_nothing_does_it_again(play: Any, server: bool) -> None:
    trace = play(6).trace
    found = verdict(without_word_of_the_queue(trace) if server else trace)
    handled = [event for event in trace if event.kind == "handled"]
    often = Counter(name for event in handled for name in event.ids)
    assert fates(found)[0] == {"delayed": 13}
    twice = {file.name: file for file in found.files if file.fate == "done twice"}
    assert {f"warehouse.development/{name}" for name in twice} == {name for name, times in often.items() if times > 1}
    assert {file.why for file in twice.values()} == {"done 2 times"}
    assert {file.event.t for file in twice.values() if file.event} <= {event.t for event in handled if event.t > 32}


def test_bad_input_is_dead_lettered_and_the_report_says_why(play: Any) -> None:
    async def prepare(cloud: Any, stack: Any) -> None:
        await cloud.monitor.sqs.send_message(QueueUrl=stack.queue_url, MessageBody="no JSON")
        await cloud.monitor.s3.put_object(Bucket=stack.bucket, Key="packrat/data/bad.gz", Body=b"no gzip")

    trace = play(9, files=1, prepare=prepare).trace
    found = verdict(trace)
    assert fates(found) == ({"done once": 2, "dead-lettered": 2}, {"done once": 1, "dead-lettered": 1})
    assert found, "bad input is no fault of the pipeline's"
    dead = [one for one in found.messages if one.fate == "dead-lettered"]
    assert all(one.why.startswith("received 3 times and never deleted") for one in dead)
    (bad,) = (file for file in found.files if file.fate == "dead-lettered")
    assert bad.name == "packrat/data/bad.gz"
    assert "gzip" in bad.why
    assert bad.name in bad.why
    assert bad.event in [event for event in trace if event.data.get("state") == "dead_lettered"]


def test_lost_demand_is_stuck_with_who_waits_for_whom() -> None:
    found = verdict(Repetition(two_readers(BelowZero), seed=17).perform())
    assert not found
    assert len(found.files) == 12
    assert found.why.cause == "lost demand", "or this seed does not lose it any more: `unlucky` finds another"
    assert "lost demand" in next(one.why for one in found.messages if one.fate == "stuck")
    assert repr(found).endswith(repr(found.why))


# ---- by hand: what the steps do not do


def story(*told: tuple[str, tuple[str, ...], dict[str, Any]]) -> Verdict:
    return verdict([TraceEvent(n, float(n), "C", kind, ids=ids, data=data) for n, (kind, ids, data) in enumerate(told)])


RECEIVED = ("receive", ("m",), {"counts": [1], "names": [["b/k"]], "visibility": 30.0, "max": 1})
DONE = ("handled", ("b/k",), {"last": True})
DELETED = ("delete", ("m",), {"deleted": 1, "failed": 0})


def written(lines: int) -> tuple[str, tuple[str, ...], dict[str, Any]]:
    return "written", ("k",), {"lines": lines, "bytes": 10}


def test_deleted_before_it_was_done_is_lost() -> None:
    found = story(RECEIVED, DELETED)
    assert not found
    assert [(one.fate, one.event.kind) for one in (*found.messages, *found.files) if one.event] == 2 * [
        ("lost", "delete")
    ]
    assert story(RECEIVED, DELETED, DONE), "the order does not matter in the end"


def test_a_refused_delete_deletes_nothing() -> None:
    refused = ("delete", ("m",), {"deleted": 0, "failed": 1, "refused": ["m"]})
    assert [one.fate for one in story(RECEIVED, DONE, refused).messages] == ["delayed"]


@pytest.mark.parametrize(("second", "why"), [(7, "with the same result"), (8, "with different results")])
def test_done_twice_says_whether_it_mattered(second: int, why: str) -> None:
    found = story(RECEIVED, written(7), DONE, RECEIVED, written(second), DONE, DELETED)
    assert [one.fate for one in (*found.messages, *found.files)] == 2 * ["done twice"]
    assert all(why in one.why for one in (*found.messages, *found.files))


def test_a_result_is_found_by_its_whole_key() -> None:
    key = ("receive", ("m",), {"counts": [1], "names": [["b/folder/k"]], "visibility": 30.0, "max": 1})
    found = story(key, ("written", ("folder/k",), {"lines": 1, "bytes": 10}), DELETED)
    assert found, "it was written, and its stage crashed before it had handled it"
    assert (found.gravest.name, found.gravest.why) == ("folder/k", "its result is written")


def test_two_messages_of_one_file_are_no_fault() -> None:
    other = ("receive", ("n",), {"counts": [1], "names": [["b/k"]], "visibility": 30.0})
    found = story(RECEIVED, DONE, DELETED, other, DONE, ("delete", ("n",), {"deleted": 1, "failed": 0}))
    assert fates(found) == ({"done once": 2}, {"done once": 1})


def test_what_came_back_is_delayed_by_that() -> None:
    found = story(RECEIVED, RECEIVED, DONE, DELETED)
    assert [one.why for one in found.messages] == ["by 1.000 s: it came back, and was received 2 times"]
    assert fates(found) == ({"delayed": 1}, {"delayed": 1})


def test_a_file_of_which_no_message_came_is_not_forgotten() -> None:
    found = story(("sent", ("k", "other"), {}), RECEIVED, DONE, DELETED)
    assert {one.name: one.fate for one in found.files} == {"k": "done once", "other": "delayed"}


@pytest.mark.parametrize("kind", ["lost", "dropped"])
def test_without_a_queue_events_are_judged(kind: str) -> None:
    emitted = ("emitted", ("1", "2", "3"), {})
    found = story(emitted, ("handled", ("1",), {"last": True}), (kind, ("2",), {}))
    assert found.line == "3 events: 1 done once, 1 delayed, 1 lost"
    assert not found


def test_nothing_at_all() -> None:
    assert verdict([])
    assert verdict([]).line == "nothing was sent"


def test_what_is_deleted_after_its_move_to_the_dead_letters_is_dead_lettered() -> None:
    """SQS answers that it has deleted it; the queue itself knows better."""
    moved = ("message", ("m",), {"state": "dead_lettered", "receives": 3, "until": None, "names": ["b/k"]})
    found = story(RECEIVED, moved, DELETED)
    assert fates(found) == ({"dead-lettered": 1}, {"dead-lettered": 1})


# ---- and by chance: a run that is ended anywhere


@settings(max_examples=8)
@given(
    seed=st.integers(0, 10**6),
    files=st.integers(0, 12),
    seconds=st.floats(0.1, 8.0),
    work=st.sampled_from([0.0, 0.5, (0.0, 3.0)]),
    keeps=st.booleans(),
)
def test_its_counts_are_the_queues_own_and_those_of_the_output_folder(
    tmp_path_factory: pytest.TempPathFactory, seed: int, files: int, seconds: float, work: Any, keeps: bool
) -> None:
    folder = tmp_path_factory.mktemp("output")
    options = Options(virtual=True, files=files, output=Path(folder), quiet=True)
    recorder = Recorder()
    ending = lambda state: anyio.sleep(seconds)  # noqa: E731
    run = StepRun(step9.pipeline, ending, options, recorder=recorder, simulation=Simulation(get_object=work))
    run.report = lambda line: None
    clock.run(run, time="virtual", seed=seed)
    found = verdict(recorder.events if keeps else without_word_of_the_queue(recorder.events))
    stack = run.warehouse.stack
    books = run.cloud.simulated.sqs.at("", stack.queue_url).ledger()
    here, there = fates(found)
    assert len(found.files) == files
    if keeps:
        assert sum(here.values()) == books.sent
        assert here["done once"] == books.deleted
    results = [path for path in folder.rglob("*.txt") if path.is_file()]
    assert there["done once"] == len(results)
