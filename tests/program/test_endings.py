"""What ends a run: an empty queue, as far as SQS's numbers can be trusted, or an event that comes a second time."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from palleto import CloudError
from palleto.program import RunState, messages_in, queue_empty, second_time

NAMES = [f"ApproximateNumberOfMessages{name}" for name in ("", "NotVisible", "Delayed")]
AWAY = CloudError("sqs.GetQueueAttributes", "EndpointConnectionError", "nobody is there")


def warehouse_with(*answers: Any, place: str = "simulated", idle: Callable[[], bool] = lambda: True) -> Any:
    """A warehouse whose queue answers so, in whose hand is nothing if `idle()`; `asked` counts them."""
    warehouse = SimpleNamespace(asked=0, queue_url="url")

    class Leases:
        @property
        def idle(self) -> bool:
            return idle()

    async def get_queue_attributes(**arguments: Any) -> dict[str, Any]:
        assert arguments == {"QueueUrl": "url", "AttributeNames": NAMES}
        answer = answers[min(warehouse.asked, len(answers) - 1)]
        warehouse.asked += 1
        if isinstance(answer, CloudError):
            raise answer
        return {"Attributes": answer if isinstance(answer, dict) else dict.fromkeys(NAMES, "0") | {NAMES[0]: answer}}

    sqs = SimpleNamespace(get_queue_attributes=get_queue_attributes)
    warehouse.cloud = SimpleNamespace(monitor=SimpleNamespace(sqs=sqs), place=SimpleNamespace(name=place))
    warehouse.leases = Leases()
    return warehouse


@pytest.mark.parametrize(
    ("answers", "place", "looks"),
    [
        (["0"], "simulated", 2),
        (["0"], "localstack", 6),
        (["0", "1", "0"], "embedded", 4),  # two looks in a row must agree
        ([AWAY, AWAY, "0"], "simulated", 4),  # a server that is away is asked again
    ],
)
def test_a_queue_is_empty_when_several_looks_in_a_row_agree(go, answers, place, looks):
    async def main():
        start = anyio.current_time()
        warehouse = warehouse_with(*answers, place=place)
        state = RunState(None, warehouse, end=lambda: None)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(queue_empty, state)
            await anyio.sleep(10)
            assert warehouse.asked == 0  # not before all files are up
            state.uploaded.set()
        assert warehouse.asked == looks
        assert anyio.current_time() - start == 10 + looks / 2

    go(main)


def test_a_queue_is_not_empty_while_a_message_is_in_hand(go):
    async def main():
        hand = iter([False, False, True, True])
        warehouse = warehouse_with("0", idle=lambda: next(hand))
        state = RunState(None, warehouse, end=lambda: None)
        state.uploaded.set()
        await queue_empty(state)
        assert warehouse.asked == 2
        assert next(hand, None) is None

    go(main)


def test_a_second_time_is_of_a_consumer_and_ends_in_that_very_moment(go):
    """What a producer-consumer hands on, and then a consumer handles, has not come twice."""

    async def main():
        ended: list[str] = []
        recorder = SimpleNamespace(listeners=[])
        state = RunState(recorder, warehouse_with("1"), end=lambda: ended.append("end"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(second_time, state)
            await anyio.wait_all_tasks_blocked()
            for kind, key, last in [
                ("handled", "a", False),
                ("handled", "a", True),
                ("started", "a", True),
                ("handled", "b", True),
            ]:
                recorder.listeners[0](SimpleNamespace(kind=kind, ids=[key], data={"last": last}))
            await anyio.wait_all_tasks_blocked()
            assert ended == []
            for _ in range(2):
                recorder.listeners[0](SimpleNamespace(kind="handled", ids=["b"], data={"last": True}))
                assert ended == ["end"]
        assert recorder.listeners == []

    go(main)


@pytest.mark.parametrize("bad", [{}, {NAMES[0]: "3x", NAMES[1]: "2", NAMES[2]: "1"}])
def test_a_damaged_answer_is_asked_for_again(bad: dict[str, str]) -> None:
    good = dict(zip(NAMES, "321", strict=True))
    warehouse = warehouse_with(bad, bad, good)
    assert anyio.run(messages_in, warehouse, "url") == 6
    assert warehouse.asked == 3


def test_an_answer_that_stays_damaged_is_an_error() -> None:
    with pytest.raises(CloudError, match="the answer has no number of messages"):
        anyio.run(messages_in, warehouse_with({}), "url")
