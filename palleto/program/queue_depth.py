"""How many messages are in a queue."""

from __future__ import annotations

from palleto.cloud.warehouse import Warehouse
from palleto.errors import CloudError


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
