"""Who is in a server's dead-letter queue, as far as requests tell it."""

from __future__ import annotations

import pytest

from palleto.cloud.queue import Redrive
from palleto.cloud.trace_events import Observation


def received(*pairs, room=10, visibility=30.0):
    """A receive of messages and their receive counts."""
    ids, counts = [name for name, _ in pairs], [count for _, count in pairs]
    return "receive", ids, {"counts": counts, "max": room, "visibility": visibility}


GIVEN_BACK = ("visibility", ["a"], {"seconds": [0]})
EMPTY = received()


@pytest.mark.parametrize(
    ("requests", "moved"),
    [
        ([received(("a", 3)), GIVEN_BACK, EMPTY], ["a"]),
        ([received(("a", 3)), GIVEN_BACK, EMPTY, EMPTY], []),  # said once
        ([received(("a", 2)), GIVEN_BACK, EMPTY], []),  # may be received once more
        ([received(("a", 3)), EMPTY], []),  # is hidden
        ([received(("a", 3)), ("delete", ["a"], {"deleted": 1}), GIVEN_BACK, EMPTY], []),
        ([received(("a", 3)), GIVEN_BACK, received(("b", 1), room=1)], []),  # no room for it: it may still be there
        ([received(("a", 3)), GIVEN_BACK, received(("b", 1), room=2)], ["a"]),
        ([received(("a", 3)), ("visibility", ["a"], {"seconds": [0], "refused": ["a"]}), EMPTY], []),
        ([received(("a", 3)), ("visibility", ["a"], {"seconds": [9]}), EMPTY], []),  # hidden for longer
        ([received(("a", 3)), GIVEN_BACK, ("receive", ["b"], {"counts": [1]})], []),  # room for one, if none is said
        ([received(("a", 3), visibility=None), EMPTY], []),  # nobody knows for how long it is hidden
    ],
)
def test_a_poll_with_room_that_does_not_bring_it_has_moved_it(requests, moved):
    redrive = Redrive(3)
    told = [redrive.moved(*request, now=float(at)) for at, request in enumerate(requests)]
    assert told[-1] == moved


def test_one_whose_time_runs_out_is_moved_by_the_poll_after_that():
    redrive = Redrive(1)
    told = [
        redrive.moved(*request, now=now) for request, now in [(received(("a", 1)), 0.0), (EMPTY, 29.9), (EMPTY, 30.0)]
    ]
    assert told == [[], [], ["a"]]


def test_requests_tell_of_it_after_their_own_event():
    observe = Observation()
    observe.of_queue(0.0, 1)
    message = {"MessageId": "m1", "ReceiptHandle": "h1", "Body": ""}
    asked = {"MaxNumberOfMessages": 2, "WaitTimeSeconds": 2}
    assert [kind for kind, _, _ in observe.told("sqs.ReceiveMessage", asked, {"Messages": [message]}, 1.0)] == [
        "receive"
    ]
    told = [(kind, ids) for kind, ids, _ in observe.told("sqs.ReceiveMessage", asked, {}, 1.0)]
    assert told == [("receive", []), ("dead_lettered", ["m1"])]
