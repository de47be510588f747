"""Which errors end a run."""

from __future__ import annotations

from palleto import CloudError
from palleto.cloud.endurance import QUEUE_AWAY, Endurance


def test_a_queue_that_has_answered_may_be_away_for_a_minute() -> None:
    endurance = Endurance()
    gone = CloudError("sqs.ReceiveMessage", "AWS.SimpleQueueService.NonExistentQueue", "It does not exist.", 400)
    first = endurance.judge("sqs.ReceiveMessage", gone, 0.0)
    assert first is not None  # it never answered
    assert "run the step again" in str(first)
    assert endurance.judge("sqs.ReceiveMessage", {}, 1.0) is None
    assert endurance.judge("sqs.ReceiveMessage", gone, 2.0) is None
    assert endurance.judge("sqs.ReceiveMessage", CloudError("", "ConnectionClosedError", ""), 30.0) is None
    assert endurance.judge("sqs.ReceiveMessage", gone, 1.9 + QUEUE_AWAY) is None
    assert endurance.judge("sqs.ReceiveMessage", {}, 62.0) is None  # it is back: the minute begins anew
    assert endurance.judge("sqs.ReceiveMessage", gone, 70.0) is None
    last = endurance.judge("sqs.ReceiveMessage", gone, 70.0 + QUEUE_AWAY)
    assert last is not None
    assert "away for 60 s" in str(last)


def test_what_sqs_denies_ends_a_run_and_what_s3_denies_does_not() -> None:
    denied = CloudError("sqs.DeleteMessageBatch", "AccessDenied", "Not for you", 403)
    ending = Endurance().judge("sqs.DeleteMessageBatch", denied, 0.0)
    assert ending is not None
    assert str(ending).endswith("Not for you; give these credentials the permission sqs:DeleteMessage on the queue")
    assert Endurance().judge("s3.GetObject", CloudError("s3.GetObject", "AccessDenied", "", 403), 0.0) is None
