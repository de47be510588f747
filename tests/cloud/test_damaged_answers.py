"""Each answer to deploying, looking and removing, without each of its keys: one clear line, and no harm."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest

from palleto import clock
from palleto.cloud import Cloud, Stack, deploy, open_cloud
from palleto.cloud.door import Clients
from palleto.cloud.queue.dead_letters import dead_letters, put_back
from palleto.cloud.stack.teardown import tear_down
from palleto.errors import CloudError

SERVICES = ("sqs", "s3", "cloudformation")
Path = tuple[str | int, ...]


def paths(answer: Any, path: Path = ()) -> Iterator[Path]:
    """The way to each key and item of an answer."""
    items = answer.items() if isinstance(answer, dict) else enumerate(answer) if isinstance(answer, list) else ()
    for key, value in items:
        if key != "ResponseMetadata":
            yield (*path, key)
            yield from paths(value, (*path, key))


def without(answer: Any, path: Path) -> Any:
    """The answer without what is at the end of a way."""
    answer = copy.deepcopy(answer)
    inner = answer
    for key in path[:-1]:
        inner = inner[key]
    del inner[path[-1]]
    return answer


class Damaged:
    """A client that notes its answers in `seen`, and gives the `number`-th without what is at `path`."""

    def __init__(self, client: Any, seen: list[Any], number: int | None, path: Path) -> None:
        self.client, self.seen, self.number, self.path = client, seen, number, path

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.client, name)

        async def call(**arguments: Any) -> Any:
            answer = await method(**arguments)
            self.seen.append(answer)
            return without(answer, self.path) if len(self.seen) - 1 == self.number else answer

        return call


Deed = Callable[[Cloud], Awaitable[Any]]


async def nothing(_: Cloud) -> None:
    """Before a stack is there."""


async def one_dead_letter(cloud: Cloud) -> None:
    stack = await deploy(cloud)
    await cloud.sqs.send_message(QueueUrl=stack.dead_letter_url, MessageBody="hey")


DEEDS: dict[str, tuple[Deed, Deed]] = {
    "deploying": (nothing, deploy),
    "deploying again": (deploy, deploy),
    "looking": (one_dead_letter, dead_letters),
    "putting back": (one_dead_letter, put_back),
    "removing": (one_dead_letter, tear_down),
}


async def tried(cloud: Cloud, before: Deed, deed: Deed, number: int | None = None, path: Path = ()) -> list[Any]:
    """Do a deed with an answer damaged, and then deploy with none; what was answered."""
    await before(cloud)
    whole = cloud.monitor
    seen: list[Any] = []
    damaged: Any = {service: Damaged(getattr(whole, service), seen, number, path) for service in SERVICES}
    cloud.monitor = Clients(**damaged)
    failure = None
    try:
        await deed(cloud)
    except CloudError as error:
        failure = error
    cloud.monitor = whole
    assert str(failure).isprintable()
    assert failure is None or "try again" in str(failure) or failure.code != "ResponseParserError"
    assert isinstance(await deploy(cloud), Stack), "the next try mends it"
    return seen


@pytest.mark.parametrize("deed", [deed for deed in DEEDS if deed != "removing"])
def test_a_key_that_is_gone_is_one_line(deed: str) -> None:
    def play(*damage: Any) -> list[Any]:
        async def main() -> list[Any]:
            async with open_cloud("simulated") as cloud:
                return await tried(cloud, *DEEDS[deed], *damage)

        return clock.run(main, time="virtual")

    damages = [(number, path) for number, answer in enumerate(play()) for path in paths(answer)]
    assert len(damages) > 5
    for damage in damages:
        play(*damage)


@pytest.mark.long
def test_removing_where_a_key_is_gone_is_one_line() -> None:
    async def main() -> None:
        async with open_cloud("embedded") as cloud:  # the simulated place removes nothing
            answers = await tried(cloud, *DEEDS["removing"])
            for number, path in [(n, path) for n, answer in enumerate(answers) for path in paths(answer)]:
                if len(path) == 1 or path[-1] in ("PhysicalResourceId", "StackStatus"):
                    await tried(cloud, *DEEDS["removing"], number, path)

    clock.run(main)
