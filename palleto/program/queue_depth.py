"""How many messages are in a queue."""

from __future__ import annotations

from contextlib import suppress

import anyio

from palleto.cloud.warehouse import Warehouse
from palleto.errors import CloudError
from palleto.program.state import RunState


async def messages_in(warehouse: Warehouse, queue_url: str) -> int:
    """How many messages a queue holds: visible, in flight and delayed.

    An answer that was damaged on its way is asked for again, twice. Raises CloudError.
    """
    names = [
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesNotVisible",
        "ApproximateNumberOfMessagesDelayed",
    ]
    for _ in range(3):
        answer = await warehouse.cloud.monitor.sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=names)
        try:
            return sum(int(answer["Attributes"][name]) for name in names)
        except (KeyError, ValueError) as error:
            reason = f"the answer has no number of messages: {error}"
    raise CloudError("sqs.GetQueueAttributes", "ResponseParserError", reason)


async def look_at_queue(run: RunState, pause: float) -> None:
    """Note in the trace how many messages the queue holds, again and again, `pause` seconds of run time apart."""
    warehouse = run.warehouse
    assert warehouse is not None, "this is for steps with a queue"
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    ask = warehouse.cloud.monitor.sqs.get_queue_attributes
    while True:
        with suppress(CloudError, KeyError, ValueError):  # the next look sees it
            answer = await ask(QueueUrl=warehouse.queue_url, AttributeNames=names)
            visible, in_flight = (int(answer["Attributes"][name]) for name in names)
            dead = await messages_in(warehouse, warehouse.stack.dead_letter_url)
            run.recorder.note("queue", None, visible=visible, in_flight=in_flight, dead_lettered=dead)
        await anyio.sleep(pause)
