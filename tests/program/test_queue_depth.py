"""How many messages a queue holds, from answers that a bad network has damaged."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from palleto import CloudError
from palleto.program import messages_in

GOOD = {
    "ApproximateNumberOfMessages": "3",
    "ApproximateNumberOfMessagesNotVisible": "2",
    "ApproximateNumberOfMessagesDelayed": "1",
}


def warehouse_with(*answers: dict[str, str]) -> Any:
    left = list(answers)

    async def get_queue_attributes(**arguments: Any) -> dict[str, Any]:
        return {"Attributes": left.pop(0)}

    sqs = SimpleNamespace(get_queue_attributes=get_queue_attributes)
    return SimpleNamespace(cloud=SimpleNamespace(monitor=SimpleNamespace(sqs=sqs)), left=left)


@pytest.mark.parametrize("bad", [{}, GOOD | {"ApproximateNumberOfMessages": "3x"}])
def test_a_damaged_answer_is_asked_for_again(bad: dict[str, str]) -> None:
    warehouse = warehouse_with(bad, bad, GOOD, GOOD)
    assert anyio.run(messages_in, warehouse, "url") == 6
    assert warehouse.left == [GOOD]


def test_an_answer_that_stays_damaged_is_an_error() -> None:
    with pytest.raises(CloudError, match="the answer has no number of messages"):
        anyio.run(messages_in, warehouse_with({}, {}, {}), "url")
