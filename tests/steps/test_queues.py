"""What steps 6, 7 and 9 show of a queue: redelivery, release, and pipelines that share one source."""

from __future__ import annotations

from collections import Counter


def consumed(played) -> Counter[str]:
    return Counter(key for event in played.kinds("handled") if event.data["last"] for key in event.ids)


def test_step_6_consumes_a_file_a_second_time_and_ends_then(play, backend):
    """The step's defect: nothing deletes a message, so it comes again after the visibility timeout of 30 s."""
    played = play(6, backend=backend)
    counts = consumed(played)
    assert len(counts) == 12
    again = {key for key, count in counts.items() if count == 2}
    assert again
    assert set(counts.values()) <= {1, 2}
    assert played.summary.redelivered > 0
    assert (played.summary.deleted, played.requests["sqs.DeleteMessageBatch"]) == (0, 0)
    first, second = {}, {}
    for event in played.kinds("handled"):
        for key in event.ids:
            (second if key in first else first)[key] = event.t
    assert min(second.values()) - first[min(second, key=lambda key: second[key])] >= 29  # consumed 1 s after a receive
    assert 30 < min(second.values()) < 45


def test_step_6_leaves_its_messages_to_the_dead_letter_queue(play):
    played = play(6, seconds=240)
    ledger = played.performance.cloud.simulated.ledger(played.performance.warehouse.queue_url)
    assert ledger.holds
    assert (ledger.dead_lettered, ledger.deleted) == (13, 0)  # and the TestEvent
    assert set(consumed(played).values()) == {3}
    assert "0 deleted" in played.summary_lines[-1]
    assert "13 dead-lettered" in played.summary_lines[-1]


def test_step_7_gets_nothing_back(play, backend):
    played = play(7, backend=backend, seconds=120)
    assert set(consumed(played).values()) == {1}
    assert len(consumed(played)) == 12
    assert played.summary.redelivered == 0
    ledger = played.performance.cloud.simulated.ledger(played.performance.warehouse.queue_url)
    assert (ledger.sent, ledger.deleted) == (13, 13)
    assert ledger.holds
    # In batches: three calls for thirteen messages.
    assert played.requests["sqs.DeleteMessageBatch"] == 3


def test_step_9_scales_the_work_and_not_the_requests(play):
    """Downloads of one second: with more pipelines the run is shorter, and SQS is not asked more often for it."""
    from palleto.cloud import Simulation

    slow = Simulation(get_object=1.0)
    one, three = (play(9, pipelines=number, files=30, simulation=slow) for number in (1, 3))
    assert three.summary.seconds < one.summary.seconds / 2
    assert three.requests["sqs.ReceiveMessage"] <= one.requests["sqs.ReceiveMessage"]
