"""The faults of the talk's original, by the rows of its table. Ours has none of them.

Each test runs its check a second time on a small re-creation of the original's fault, and the check must fail there.
"""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest
from rig import PREFIX, VISIBILITY, Meddler, Rig, event_of, files, gz, offline

from palleto import PalletoError, SettingError
from palleto.cloud import Simulation
from palleto.cloud.clients import downloads
from palleto.cloud.queue import Leases
from palleto.cloud.template import parse, template_text
from palleto.cloud.warehouse import Warehouse
from steps import step5, step9

BUCKET = "warehouse.development"
JITTER = Simulation(receive=(0.0, 0.05), get_object=(0.0, 0.1))
Holds = Callable[..., None]


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> Holds:
    """`holds(check, (owner, name, fault), ...)`: a check passes, and fails once the original's faults are put in."""

    def holds(check: Callable[[], object], *faults: tuple[Any, str, Any]) -> None:
        check()
        for owner, name, fault in faults:
            monkeypatch.setattr(owner, name, fault)
        fails(check)

    return holds


def fails(check: Callable[[], object]) -> None:
    """The check fails, or the run under it does."""
    try:
        check()
    except (AssertionError, PalletoError, ValueError, pytest.fail.Exception):
        return
    raise AssertionError("the check does not notice the original's fault")


def all_done(one: Rig, **options: Any) -> Rig:
    """Everything is processed in time, and nothing comes twice."""
    one.perform(**options)
    one.check_all_done()
    assert one.run.summary.redelivered == 0
    return one


start_task = step9.Server.start_task
NEVER_AGAIN = (step9.Server, "start_task", lambda self, function, **_: start_task(self, function))
"""A loop that has died stays dead."""


def test_row_1_the_test_event_stalls_nothing(rig: Any, holds: Holds) -> None:
    parse_message = step9.Server.parse

    def without_test_event(message: dict[str, Any]) -> list[Any]:
        if "s3:TestEvent" in message["Body"]:
            raise KeyError("Records")
        return parse_message(message)

    def check() -> None:
        ledger = all_done(rig(files(3))).ledger
        assert ledger.sent == ledger.deleted == 4

    holds(check, (step9.Server, "parse", staticmethod(without_test_event)), NEVER_AGAIN)


def test_row_2_no_demand_is_lost(rig: Any, holds: Holds) -> None:
    def check() -> None:
        for seed in range(4):
            run = all_done(rig(files(40)), simulation=JITTER, seed=seed).run
            asked = [text for text in run.said if text.startswith("Asking for")]
            assert min(int(text.split()[2]) for text in asked) >= 1

    def below_zero(self: step9.Producer, message: tuple[str, list[Any]]) -> list[Any]:
        self.owed -= len(message[1])
        return message[1]

    holds(check, (step9.Producer, "handle_cast", below_zero))


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
        all_done(one, simulation=Simulation(receive=0.04, get_object=0.03), backend=backend)
        assert one.run.kinds("loop_killed")

    async def strand(client: Any, **arguments: Any) -> Any:
        answer = await client.receive_message(**arguments)
        await anyio.sleep(0.001)  # a kill in here loses the answer
        return answer

    check()
    fails(lambda: check(receive_message=strand))


def test_row_4_a_receive_of_several_messages_is_parsed(rig: Any) -> None:
    def check(**sqs: Any) -> None:
        one = rig(files(12), step=6, sqs=sqs, deadline=20)
        one.perform(seconds=20)
        consumed = {key for event in one.run.kinds("handled") if event.data["last"] for key in event.ids}
        assert consumed == {f"{BUCKET}/{key}" for key in one.files}
        assert max(len(event.ids) for event in one.run.kinds("receive")) > 2

    async def only_one(client: Any, **arguments: Any) -> Any:
        answer = await client.receive_message(**arguments)
        return answer if len(answer.get("Messages", [])) == 1 else {}

    check()
    fails(lambda: check(receive_message=only_one))


def test_row_5_every_record_of_a_message_is_used(rig: Any, holds: Holds) -> None:
    two = {"two/a.gz": gz(1), "two/b.gz": gz(2)}  # outside the prefix, so that S3 announces neither
    parse_message = step9.Server.parse
    first = staticmethod(lambda message: parse_message(message)[:1])
    holds(lambda: all_done(rig(two, [event_of(BUCKET, *two)])), (step9.Server, "parse", first))


def test_row_6_keys_are_decoded(rig: Any, holds: Holds) -> None:
    odd = {f"{PREFIX}2016 07+20.gz": gz(3), f"{PREFIX}100%25 日本/ü.gz": gz(4)}
    holds(lambda: all_done(rig(odd)), (step9, "unquote_plus", str))


def test_row_7_a_failed_delete_is_tried_again(rig: Any, holds: Holds) -> None:
    def check() -> None:
        refused = iter([False, True, True])  # the first is the test message's

        async def refuse(client: Any, QueueUrl: str, Entries: list[dict[str, str]]) -> Any:  # noqa: N803
            if next(refused, False):
                return {"Failed": [{"Id": entry["Id"], "Code": "InternalError"} for entry in Entries]}
            return await client.delete_message_batch(QueueUrl=QueueUrl, Entries=Entries)

        all_done(rig(files(12), sqs={"delete_message_batch": refuse}), simulation=Simulation(get_object=0.1))
        assert next(refused, None) is None

    def ignore(self: Leases, entries: list[dict[str, str]], response: Any) -> None:
        self._finished.difference_update(entry["ReceiptHandle"] for entry in entries)

    holds(check, (Leases, "released", ignore))


def test_row_8_bad_files_crash_nothing(rig: Any, holds: Holds) -> None:
    bad = {f"{PREFIX}{n}.gz": b"not gzip" for n in range(20)}

    def check() -> None:
        one = rig({f"{PREFIX}two.dots.gz": gz(7), **bad, **files(12)}, [event_of(BUCKET, "gone.gz")] * 4)
        one.perform()
        assert not one.late
        assert one.run.kinds("crash") == []
        assert one.results == {f"{PREFIX}two.dots.gz": 7} | {key: int(key[-6:-3]) for key in files(12)}
        assert one.ledger.dead_lettered == len(bad) + 4

    def crash(self: Leases, event: Any, error: Exception) -> None:
        raise error

    holds(check, (Leases, "reject", crash))


def test_row_9_memory_is_bounded(rig: Any, holds: Holds) -> None:
    data = gzip.compress(b"\n" * 40_000_000, 1)

    def check() -> None:
        one = rig({f"{PREFIX}large.gz": data})
        tracemalloc.start()
        try:
            one.perform()
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert one.results == {f"{PREFIX}large.gz": 0}
        assert peak < 16 * 2**20

    def whole(chunks: Any, path: Path, max_bytes: int) -> int:
        return path.write_bytes(gzip.decompress(b"".join(chunks)))

    holds(check, (downloads, "unzip", whole))


def test_row_10_results_have_paths_of_their_own_and_are_replaced(rig: Any, holds: Holds) -> None:
    same = {f"{PREFIX}a/x.gz": gz(1), f"{PREFIX}b/x.gz": gz(2)}

    async def append(self: Warehouse, results: list[tuple[str, Path]], count: Any) -> list[Path]:
        paths = [self.output / (Path(key).stem + ".txt") for key, _ in results]
        for path, (_, file) in zip(paths, results, strict=True):
            with path.open("a") as result:
                result.write(f"{count(file)}\n")
        return paths

    twice = [event_of(BUCKET, key) for key in same]  # beside S3's
    holds(lambda: all_done(rig(same, twice)), (Warehouse, "write_each", append))


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


def test_row_11_no_long_pause_after_something_was_received(rig: Any, holds: Holds) -> None:
    def check() -> None:
        one = rig(files(28))
        put = one.prepare

        async def prepare(cloud: Any, stack: Any) -> None:
            await put(cloud, stack)
            cloud.simulated.script(stack.queue_url, [10, 3, 4])

        one.prepare = prepare
        all_done(one, pipelines=24, simulation=Simulation(get_object=10.0))  # slow: no new demand kills a loop
        assert pauses(one.run)[:3] == [(10, 0.0), (3, 2.0), (4, 2.0)]

    holds(check, (step9, "anyio", SimpleNamespace(sleep=lambda seconds: anyio.sleep(5))))


def test_row_12_a_slow_file_keeps_its_message(rig: Any, holds: Holds) -> None:
    def check() -> None:
        one = all_done(rig(files(4), deadline=400), simulation=Simulation(get_object=100.0))
        assert one.run.performance.warehouse.stack.visibility_timeout == VISIBILITY

    async def no_heartbeat(self: Leases) -> None:
        while True:
            await self.flush()
            await anyio.sleep(1)

    holds(check, (Leases, "run", no_heartbeat))


def check_template(text: str) -> None:
    found = parse(text)["Resources"]
    queues = [each["Properties"] for each in found.values() if each["Type"] == "AWS::SQS::Queue"]
    assert {queue["MessageRetentionPeriod"] for queue in queues} == {14 * 24 * 3600}
    assert sum("RedrivePolicy" in queue for queue in queues) == 1  # row 12 too
    policies = [each["Properties"]["PolicyDocument"] for each in found.values() if each["Type"].endswith("QueuePolicy")]
    (statement,) = [statement for policy in policies for statement in policy["Statement"]]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert set(statement["Condition"]) == {"ArnEquals", "StringEquals"}


def test_row_13_the_queue_takes_messages_of_s3_only_and_keeps_them_for_14_days() -> None:
    text = template_text()
    check_template(text)
    assert text == (Path(__file__).parents[2] / "localstack/pipeline.yaml").read_text()
    fails(lambda: check_template(text.replace("1209600", "600")))
    fails(lambda: check_template(text.replace("Service: s3.amazonaws.com", "'*'")))


def test_row_14_a_loop_that_dies_runs_again(rig: Any, holds: Holds) -> None:
    def check() -> None:
        failures = iter([offline(), None, offline(), offline(), None, offline()])

        async def flaky(client: Any, **arguments: Any) -> Any:
            if (error := next(failures, None)) is not None:
                raise error
            return await client.receive_message(**arguments)

        run = all_done(rig(files(12), sqs={"receive_message": flaky})).run
        assert sum("EndpointConnectionError" in line for line in run.reported) >= 1
        assert len(run.kinds("loop_crashed")) >= 1

    holds(check, NEVER_AGAIN)


class Exactly(int):
    """A number of events that are wanted, until it is exactly zero."""

    def __gt__(self, other: int) -> bool:
        return int(self) != 0 if other == 0 else int(self) > other

    def __sub__(self, other: int) -> Exactly:
        return Exactly(int(self) - other)


async def never_ready(_: object, events: list[str]) -> None:
    await anyio.sleep(300)


def looked_for(run: Any) -> int:
    """The fewest events that a loop said it was looking for."""
    return min(int(text.split()[-2]) for text in run.said if "Looking for" in text)


def test_row_15_one_event_too_many_ends_the_loop(
    play: Any, rig: Any, holds: Holds, monkeypatch: pytest.MonkeyPatch
) -> None:
    three = {f"three/{n}.gz": gz(n) for n in range(3)}

    def check_5() -> None:  # 15 are wanted, two found at a time
        ask = lambda self: self.subscribe("SQS.Producer", min_demand=0, max_demand=5)  # noqa: E731
        monkeypatch.setattr(step5.Consumer, "init", ask)
        monkeypatch.setattr(step5.Consumer, "handle_events", never_ready)
        assert looked_for(play(5, seconds=80)) >= 1

    def check_9() -> None:  # one is wanted, a message brings three
        run = all_done(rig(three, [event_of(BUCKET, *three)] * 2), pipelines=1).run
        assert run.kinds("loop_crashed") == []
        assert looked_for(run) >= 1

    for step, check in ((step5, check_5), (step9, check_9)):
        pull = step.Server.pull
        holds(check, (step.Server, "pull", lambda self, count, pull=pull: pull(self, Exactly(count))))


def test_row_16_no_message_is_deleted_without_its_result(rig: Any, holds: Holds) -> None:
    def check() -> None:
        all_done(rig(files(5)))  # whose folder is not there yet
        blocked = rig(files(5))
        blocked.output.write_text("a file")
        with pytest.raises(SettingError, match="--output"):
            blocked.perform()
        late = rig(files(5))
        late.harm = lambda meddler: anyio.to_thread.run_sync((late.output / "packrat").write_text, "in the way")
        with pytest.raises(SettingError, match="--output"):
            late.perform(simulation=Simulation(get_object=0.5))

    async def unnoticed(self: Warehouse, results: list[tuple[str, Path]], count: Any) -> list[Path]:
        """Write nothing, as the folder is not there."""
        return [self.output / key for key, _ in results]

    holds(check, (Warehouse, "write_each", unnoticed))


def test_row_17_one_bad_message_costs_the_other_nine_nothing(rig: Any, holds: Holds) -> None:
    def check() -> None:
        one = rig(files(9), ["not JSON", "[" * 100_000])
        one.perform(pipelines=12)
        assert not one.late
        assert len(one.results) == 9
        assert one.run.summary.redelivered == 2 * 2
        assert one.ledger.dead_lettered == 2
        assert one.run.kinds("loop_crashed") == []

    def unchecked(self: Leases, message: Any, parse_message: Any) -> Any:
        return parse_message(message)

    holds(check, (Leases, "take", unchecked), (Leases, "glance", unchecked))
