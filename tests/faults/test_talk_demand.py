"""The faults of the talk's original, by the rows of its table: what is asked for comes, whatever loop is killed.

Ours has none of them. Each test runs its check a second time on a small re-creation of the original's fault, and the
check must fail there.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from rig import Meddler, event_of, fails, files, gz, offline

from palleto.cloud import Simulation
from steps import step5, step9

BUCKET = "warehouse.development"
JITTER = Simulation(receive=(0.0, 0.05), get_object=(0.0, 0.1))


def test_row_2_no_demand_is_lost(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        for seed in range(4):
            one = rig(files(40))
            one.perform(simulation=JITTER, seed=seed)
            one.check_all_done()
            asked = [text for text in one.run.said if text.startswith("Asking for")]
            assert min(int(text.split()[2]) for text in asked) >= 1

    check()

    def below_zero(self: step9.Producer, message: tuple[str, list[Any]]) -> list[Any]:
        self.owed -= len(message[1])
        return message[1]

    monkeypatch.setattr(step9.Producer, "handle_cast", below_zero)
    fails(check)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_row_3_a_kill_at_any_moment_strands_no_message(rig: Any, backend: str) -> None:
    async def kills(meddler: Meddler) -> None:
        server = meddler.system.names["SQS.Server"]
        for milliseconds in range(1, 60):
            await anyio.sleep(milliseconds / 1000)
            if server.wanted > 0:
                server.pull(server.wanted)

    def check(**sqs: Any) -> None:
        one = rig(files(40), harm=kills, sqs=sqs)
        one.perform(simulation=Simulation(receive=0.04, get_object=0.03), backend=backend)
        one.check_all_done()
        assert one.run.summary.redelivered == 0
        assert one.run.kinds("loop_killed")

    check()

    async def strand(client: Any, **arguments: Any) -> Any:
        answer = await client.receive_message(**arguments)
        await anyio.sleep(0.001)  # a kill in here loses the answer
        return answer

    fails(lambda: check(receive_message=strand))


def pauses(run: Any) -> list[tuple[int, float]]:
    """For each receive after which its loop looked again: how many messages it brought, and the seconds between."""
    found = []
    for number, event in enumerate(run.trace):
        if event.kind != "receive":
            continue
        for later in run.trace[number + 1 :]:
            if later.stage == event.stage and later.kind == "loop_killed":
                break
            if later.stage == event.stage and "looping" in later.data.get("text", ""):
                found.append((len(event.ids), round(later.t - event.t, 3)))
                break
    return found


def test_row_11_no_long_pause_after_something_was_received(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def deliveries(cloud: Any, stack: Any) -> None:
        cloud.simulated.script(stack.queue_url, [10, 3, 4])

    def check() -> None:
        one = rig(files(28))
        put = one.prepare

        async def prepare(cloud: Any, stack: Any) -> None:
            await put(cloud, stack)
            await deliveries(cloud, stack)

        one.prepare = prepare
        one.perform(pipelines=24, simulation=Simulation(get_object=10.0))  # slow, so that no new demand kills a loop
        one.check_all_done()
        assert pauses(one.run)[:3] == [(10, 0.0), (3, 2.0), (4, 2.0)]

    check()
    monkeypatch.setattr(step9, "anyio", SimpleNamespace(sleep=lambda seconds: anyio.sleep(5)))
    fails(check)


def test_row_14_a_loop_that_dies_runs_again(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        failures = iter([offline(), None, offline(), offline(), None, offline()])

        async def flaky(client: Any, **arguments: Any) -> Any:
            if (error := next(failures, None)) is not None:
                raise error
            return await client.receive_message(**arguments)

        one = rig(files(12), sqs={"receive_message": flaky})
        one.perform()
        one.check_all_done()
        assert sum("EndpointConnectionError" in line for line in one.run.reported) >= 1
        assert len(one.run.kinds("loop_crashed")) >= 1

    check()
    start_task = step9.Server.start_task
    monkeypatch.setattr(step9.Server, "start_task", lambda self, function, **_: start_task(self, function))
    fails(check)


class Exactly(int):
    """A number of events that are wanted, until it is exactly zero."""

    def __gt__(self, other: int) -> bool:
        return int(self) != 0 if other == 0 else int(self) > other

    def __sub__(self, other: int) -> Exactly:
        return Exactly(int(self) - other)


async def never_ready(_: object, events: list[str]) -> None:
    await anyio.sleep(300)


def test_row_15_one_event_too_many_ends_the_loop(play: Any, rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    three = {f"three/{n}.gz": gz(n) for n in range(3)}

    def check_5() -> None:  # 15 are wanted, two found at a time
        ask = lambda self: self.subscribe("SQS.Producer", min_demand=0, max_demand=5)  # noqa: E731
        monkeypatch.setattr(step5.Consumer, "init", ask)
        monkeypatch.setattr(step5.Consumer, "handle_events", never_ready)
        run = play(5, seconds=80)
        found = [text for text in run.said if "Looking for" in text]
        assert min(int(text.split()[-2]) for text in found) >= 1

    def check_9() -> None:  # one is wanted, a message brings three
        one = rig(three, [event_of(BUCKET, *three)] * 2)
        one.perform(pipelines=1)
        one.check_all_done()
        assert one.run.kinds("loop_crashed") == []
        assert min(int(text.split()[-2]) for text in one.run.said if "Looking for" in text) >= 1

    check_5()
    check_9()
    for step in (step5, step9):
        pull = step.Server.pull
        monkeypatch.setattr(step.Server, "pull", lambda self, count, pull=pull: pull(self, Exactly(count)))
    fails(check_5)
    fails(check_9)
