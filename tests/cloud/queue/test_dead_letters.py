"""Dead letters on the simulated place; SQS's own way back is a stand-in's. (`test_stack.py` has the rest.)"""

from __future__ import annotations

import gzip
import json
from typing import Any

import anyio
import pytest

from palleto.cloud import Cloud, Stack, deploy
from palleto.cloud.queue.dead_letters import WORKS, dead_letters, put_back
from palleto.errors import CloudError


@pytest.fixture
def place() -> str:
    return "simulated"


def event(bucket: str, *keys: str) -> str:
    return json.dumps({"Records": [{"s3": {"bucket": {"name": bucket}, "object": {"key": key}}} for key in keys]})


async def dead(cloud: Cloud, *bodies: str) -> Stack:
    """A stack with these dead letters."""
    stack = await deploy(cloud)
    for body in bodies:
        await cloud.monitor.sqs.send_message(QueueUrl=stack.dead_letter_url, MessageBody=body)
    return stack


async def test_a_letter_tells_its_files_how_often_it_came_and_what_is_wrong_with_any(cloud: Cloud) -> None:
    stack = await dead(cloud, event("warehouse.development", "a/good.gz", "a/gone.gz", "a/large.gz"))
    for key, lines in (("a/good.gz", 1), ("a/large.gz", 100)):
        await cloud.s3.put_object(Bucket=stack.bucket, Key=key, Body=gzip.compress(b"x\n" * lines))
    (letter,) = await dead_letters(cloud, max_bytes=199)
    assert letter.files == ("a/good.gz", "a/gone.gz", "a/large.gz")
    assert letter.received == 1
    gone, large = letter.reason.split("; ")
    assert "NoSuchKey" in gone
    assert "199" in large
    assert str(letter) == f"{letter.id}  a/good.gz, a/gone.gz, a/large.gz: {letter.reason}"
    (letter,) = await dead_letters(cloud, max_bytes=200)
    assert letter.received == 2
    assert "; " not in letter.reason


async def test_a_letter_without_files_says_so(cloud: Cloud) -> None:
    await dead(cloud, "hey", event("warehouse.development"))
    assert sorted(str(letter).partition("  ")[2] for letter in await dead_letters(cloud)) == [
        "no file: expected the JSON of an S3 event, got: hey",
        f"no file: {WORKS}",
    ]


async def test_looking_shows_each_once_and_gives_all_back(cloud: Cloud) -> None:
    stack = await dead(cloud, *map(str, range(25)))
    assert len({letter.id for letter in await dead_letters(cloud)}) == 25
    assert cloud.simulated is not None
    assert cloud.simulated.ledger(stack.dead_letter_url).visible == 25


async def test_all_are_put_back_one_by_one_where_the_server_moves_none(cloud: Cloud) -> None:
    stack = await dead(cloud, *map(str, range(25)))
    assert cloud.simulated is not None
    before = cloud.simulated.ledger(stack.queue_url).sent
    assert await put_back(cloud) == 25
    assert cloud.simulated.ledger(stack.queue_url).sent == before + 25
    assert cloud.simulated.ledger(stack.dead_letter_url).deleted == 25


class Moving:
    """SQS's client, where the server moves messages itself: it says these statuses, one a look."""

    def __init__(self, client: Any, statuses: list[str], error: CloudError | None = None) -> None:
        self.client, self.statuses, self.error = client, statuses, error
        self.moving: dict[str, str] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.client, name)

    async def start_message_move_task(self, **arguments: str) -> Any:
        if self.error is not None:
            raise self.error
        self.moving = arguments

    async def list_message_move_tasks(self, SourceArn: str) -> Any:  # noqa: N803
        assert SourceArn == self.moving["SourceArn"]
        done, earlier = (
            {"Status": self.statuses.pop(0)},
            {"Status": "COMPLETED", "ApproximateNumberOfMessagesMoved": 99},
        )
        return {
            "Results": [
                done if done["Status"] == "RUNNING" else done | {"ApproximateNumberOfMessagesMoved": 7},
                earlier,
            ]
        }


async def test_where_the_server_moves_them_it_is_waited_for(cloud: Cloud) -> None:
    await dead(cloud, "hey")
    moving = Moving(cloud.monitor.sqs, ["RUNNING"] * 10 + ["COMPLETED"])
    object.__setattr__(cloud.monitor, "sqs", moving)
    begun = anyio.current_time()
    assert await put_back(cloud) == 7
    assert anyio.current_time() - begun == pytest.approx(2)
    queue, letters = (moving.moving[name].rpartition(":")[2] for name in ("DestinationArn", "SourceArn"))
    assert letters == f"{queue}_dead_letters"
    object.__setattr__(cloud.monitor, "sqs", Moving(moving.client, ["RUNNING"] * 10_000))
    with pytest.raises(CloudError, match="Timeout: not all messages were moved in 300 s"):
        await put_back(cloud)


@pytest.mark.parametrize(
    ("code", "status", "moved"),
    [
        ("InvalidAction", 400, True),
        ("UnsupportedOperation", 400, True),
        ("AWS.SimpleQueueService.UnsupportedOperation", 400, True),
        ("InternalError", 500, True),
        ("AccessDenied", 403, False),
    ],
)
async def test_a_server_that_cannot_move_them_is_no_error(cloud: Cloud, code: str, status: int, moved: bool) -> None:
    await dead(cloud, "hey")
    error = CloudError("sqs.StartMessageMoveTask", code, "No", status)
    object.__setattr__(cloud.monitor, "sqs", Moving(cloud.monitor.sqs, [], error))
    if moved:
        assert await put_back(cloud) == 1
    else:
        with pytest.raises(CloudError, match="AccessDenied"):
            await put_back(cloud)
