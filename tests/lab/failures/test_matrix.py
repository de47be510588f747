"""Every cell of the matrix of faults and steps: what each fault comes to in each step, ours and the talk's own."""

from __future__ import annotations

import re

import pytest

from palleto import PalletoError, SettingError
from palleto.cloud.faults import Faults
from palleto.lab.failures import FAILURES, STEPS, Failure, failure, matrix, try_failure
from palleto.replay.sources import source_of

TABLE = """\
fault                         6        talk 6         7              talk 7      8              talk 8         9              talk 9
nothing                       delayed  dead-lettered  done once      done once   done once      done once      done once      done once
a backlog                     delayed  dead-lettered  done once      done once   done once      done once      done once      delayed
TestEvent                     delayed  dead-lettered  done once      stuck       done once      stuck          done once      stuck
malformed JSON                delayed  dead-lettered  dead-lettered  stuck       dead-lettered  stuck          dead-lettered  stuck
two files in a message        delayed  dead-lettered  done once      lost        done once      lost           done once      lost
a key with a space            delayed  dead-lettered  done once      lost        done once      dead-lettered  done once      dead-lettered
a duplicate delivery          delayed  dead-lettered  done once      done once   done once      done once      done twice     wrong
a lost answer                 delayed  stuck          done once      stuck       done once      stuck          done once      stuck
a loop killed in mid-receive  delayed  dead-lettered  done once      delayed     done once      delayed        done once      delayed
demand that crosses a batch   delayed  dead-lettered  done once      done once   done once      stuck          done once      stuck
throttling                    delayed  stuck          done once      stuck       done once      stuck          done once      stuck
a key that is gone            -        -              -              -           dead-lettered  dead-lettered  dead-lettered  dead-lettered
corrupt gzip                  -        -              -              -           dead-lettered  stuck          dead-lettered  dead-lettered
a slow file                   -        -              -              -           done once      done once      done once      wrong
a crash before the write      delayed  dead-lettered  delayed        delayed     delayed        delayed        delayed        delayed
a crash before the delete     -        -              -              -           done once      wrong          done once      wrong
a delete that fails in part   -        -              done once      done twice  done once      wrong          done once      wrong
an expired handle             -        -              done twice     done twice  done twice     wrong          done twice     wrong
access denied on delete       -        -              ended          ended       ended          ended          ended          ended
the queue gone                ended    stuck          ended          stuck       ended          stuck          ended          stuck
"""  # noqa: E501
ROWS = [re.split(" {2,}", line) for line in TABLE.splitlines()]


def test_the_table_has_a_row_for_each_fault() -> None:
    assert ROWS[0] == ["fault", *STEPS]
    assert [row[0] for row in ROWS[1:]] == [each.name for each in FAILURES]


@pytest.mark.parametrize("row", ROWS[1:], ids=lambda row: row[0])
def test_a_fault_against_every_step(row: list[str]) -> None:
    name = row[0]
    found = matrix([failure(name)])
    assert found.rows == [row]
    assert repr(found).splitlines()[1].startswith(name)
    for step in ("8", "talk 8", "9", "talk 9"):
        trial = found[name, step]
        kinds = {event.kind for event in trial.run.trace.events}
        assert ("fault" in kinds) is bool(trial.failure.faults.faults), "a fault of requests strikes"
        assert trial.event is not None
        assert trial.event in list(trial.run.trace.events)


def test_the_same_trial_comes_to_the_same_trace() -> None:
    one, other = (try_failure("throttling", "talk 9").run.trace.events for _ in range(2))
    assert list(one) == list(other)


def test_the_line_of_the_talks_own_code_that_decided_it_can_be_read() -> None:
    event = try_failure("a crash before the delete", "talk 8").event
    assert event.file == "talk_step8.py"
    assert source_of(event).endswith('`observer.note("written", actor(), events=[key], lines=total, bytes=len(text))`')


@pytest.mark.parametrize(
    ("fault", "cause"), [("corrupt gzip", "out of restarts"), ("demand that crosses a batch", "lost demand")]
)
def test_why_the_talks_pipeline_stands_still(fault: str, cause: str) -> None:
    why = try_failure(fault, "talk 8").verdict.why
    assert why.cause == cause


def test_a_fault_of_ones_own() -> None:
    busy = Failure("busy", "Half of the receives fail.", faults=Faults(1).fail("sqs.ReceiveMessage", rate=0.5))
    assert [try_failure(busy, step).word for step in ("8", "talk 8")] == ["done once", "stuck"]
    assert repr(busy).splitlines() == [
        "busy: Half of the receives fail.",
        "  sqs.ReceiveMessage fails with ServiceUnavailable, at a rate of 0.5",
    ]


def test_a_pipeline_of_ones_own() -> None:
    trial = try_failure("TestEvent", "talk 8", STEPS["8"].pipeline)
    assert trial.word == "done once"
    assert repr(trial) == "TestEvent, step talk 8: done once. 7 messages: 7 done once; 6 files: 6 done once"


@pytest.mark.parametrize(
    ("fault", "step", "words"),
    [
        ("corupt gzip", "8", "expected one of: nothing, .*; got: 'corupt gzip'; did you mean corrupt gzip"),
        ("nothing", "5", r"expected one of: 6, talk 6, .*; got: '5'"),
    ],
)
def test_a_name_that_there_is_not_is_one_line(fault: str, step: str, words: str) -> None:
    with pytest.raises(SettingError, match=words):
        try_failure(fault, step)


def test_less_than_no_files_is_refused():
    with pytest.raises(PalletoError, match="expected files to be a whole number of 0 or more, got: -1"):
        Failure("none", "", files=-1)
