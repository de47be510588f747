"""A run of a step with a queue: what it tells of dead letters, and how it deletes."""

from __future__ import annotations

import pytest


def test_dead_letters_of_earlier_runs_are_not_this_ones(play):
    async def prepare(cloud, stack):
        await cloud.monitor.sqs.send_message(QueueUrl=stack.dead_letter_url, MessageBody="old")

    assert play(9, files=2, prepare=prepare).summary_lines[-1] == "messages: 3 deleted, 0 redelivered, 0 dead-lettered"


@pytest.mark.parametrize(("max_demand", "requests"), [(1, 21), (10, 3)])
def test_messages_are_deleted_so_many_at_a_time_as_a_stage_asks_for(play, max_demand, requests):
    played = play(9, files=20, pipelines=1, max_demand=max_demand)
    assert played.summary.deleted == 21  # and the TestEvent
    assert abs(played.requests["sqs.DeleteMessageBatch"] - requests) <= 1


def test_a_queue_with_a_delay_is_waited_for(play):
    async def prepare(cloud, stack):
        await cloud.monitor.sqs.set_queue_attributes(QueueUrl=stack.queue_url, Attributes={"DelaySeconds": "300"})

    played = play(9, files=3, prepare=prepare)
    assert played.summary_lines[1].startswith("3 files")
    assert played.summary.seconds > 300
