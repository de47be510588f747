"""Step 9 under faults of the cloud, killed loops and crashed stages at once: nothing lost, nothing stuck."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import anyio
import pytest
from rig import Meddler, Rig, files, scene

from palleto import Supervisor
from palleto.cloud import Simulation
from palleto.cloud.faults import Faults
from palleto.cloud.queue import handles_in
from palleto.replay import verdict

SHORT, LONG = 20, 1000  # schedules

BROKEN = ("InternalError", "ServiceUnavailable", "ThrottlingException", "ReadTimeoutError", "ConnectionClosedError")


def faults_of(chance: random.Random, seed: int) -> Faults:
    """Faults of every kind, each at a rate of up to 20 %. No answer to a receive is lost: those messages must wait."""

    def rate() -> float:
        return chance.choice([0.0, 0.02, 0.1, chance.uniform(0, 0.2)])

    return (
        Faults(seed)
        .fail("sqs.*", chance.choice(BROKEN), rate=rate())
        .fail("s3.*", chance.choice(BROKEN), rate=rate())
        .lose_answer("sqs.DeleteMessageBatch", rate=rate())
        .lose_answer("sqs.ChangeMessageVisibilityBatch", rate=rate())
        .cut(chance.choice([0, 1, 30]), rate=rate())
        .slow("*", chance.uniform(0, 1), rate=rate())
        .hang("sqs.*", 2.0, rate=rate() / 4)
        .hang("s3.*", 2.0, rate=rate() / 4)
        .duplicate(rate=rate())
        .fewer(chance.choice([0, 1]), rate=rate())
    )


class AccountedRig(Rig):
    """A rig with an account of what the faults did to each message's deliveries.

    harmed: how often each message, by its id, was in hand when a stage crashed, or could not be processed.
    """

    def meddle(self, top: Supervisor, warehouse: Any) -> Supervisor:
        self.harmed: Counter[str] = Counter()
        leases, ids = warehouse.leases, {}
        take, lost, reject = leases.take, leases.lost, leases._reject

        def taking(message: dict[str, Any], parse: Any) -> Any:
            ids[message["ReceiptHandle"]] = message["MessageId"]
            return take(message, parse)

        def losing(events: Iterable[Any]) -> None:
            events = list(events)
            self.harmed.update(ids[handle] for handle in set(handles_in(events)) & set(leases.held))
            lost(events)

        def rejecting(message_id: str, *rest: Any) -> None:
            self.harmed[message_id] += 1
            reject(message_id, *rest)

        leases.take, leases.lost, leases._reject = taking, losing, rejecting
        return super().meddle(top, warehouse)

    def given_up(self, faults: Faults) -> set[str]:
        """The keys of the dead letters: what the faults spoilt three times (`maxReceiveCount`), and no others."""
        cloud, stack = self.run.performance.cloud, self.run.performance.warehouse.stack
        assert stack.max_receive_count == 3
        dead = list(cloud.simulated.sqs.at("", stack.dead_letter_url).messages.values())
        assert self.ledger.dead_lettered == len(dead)
        for message in dead:
            spoilt = self.harmed[message.id] + (message.id in faults.twice)
            assert spoilt >= 3, f"{message.body:.200} was spoilt {spoilt} times"
        return {key for key in self.files for message in dead if key.rpartition("/")[2] in message.body}


def harm_of(seed: int) -> Any:
    """Kills and crashes loops, and crashes stages, now and then."""
    chance = random.Random(-seed)

    async def harm(meddler: Meddler) -> None:
        while True:
            await anyio.sleep(chance.choice([chance.uniform(0, 0.1), chance.uniform(0, 4)]))
            server = meddler.system.names.get("SQS.Server")
            deed = chance.random()
            if server is not None and deed < 0.4 and server.wanted > 0:
                server.pull(server.wanted)  # kills the loop, as the producer does when more is wanted
            elif server is not None and deed < 0.7:
                for task in server.tasks:
                    task.crash()
            else:
                await anyio.sleep(2)  # a supervisor may restart three times in five seconds
                kinds = ("ProducerConsumer", "Consumer", *(["SQS.Producer"] if chance.random() < 0.2 else []))
                victims = [process for name, process in meddler.system.names.items() if name.endswith(kinds)]
                if victims:
                    chance.choice(victims).kill()

    return harm


def check_schedule(play: Any, folder: Path, seed: int, max_demand: int = 1, **changes: Any) -> int:
    """One schedule to its end. How many dead letters there are, which the faults must answer for."""
    faults = faults_of(random.Random(-seed - 1), seed)
    backlog, options = scene(
        seed, 500 if seed % 50 == 0 else 40, **{"max_demand": max_demand, "faults": faults, **changes}
    )
    harm = options.pop("harm", None) or harm_of(seed)
    rig = AccountedRig(play, folder, files(backlog), harm=harm, deadline=60 + 5 * backlog)
    rig.perform(**options)
    performance = rig.run.performance
    told = f"{backlog} files, {rig.ledger}, {faults}"
    assert not rig.late, f"stalled: {told}"
    given_up = rig.given_up(faults)
    counts = {key: int(key[-6:-3]) for key in rig.files}
    assert rig.results.items() <= counts.items(), told
    assert rig.results.keys() >= counts.keys() - given_up, told
    assert rig.ledger.sent == rig.ledger.deleted + len(given_up) == backlog + 1, told  # and the test message
    assert performance.warehouse.leases.held == {}
    queue = performance.cloud.simulated.sqs.at("", performance.warehouse.queue_url)
    assert queue.expired == 0, f"stranded until the visibility timeout: {told}"
    judged = verdict(rig.run.trace)
    assert judged, f"{judged}: {told}"
    assert (len(judged.messages), len(judged.files)) == (rig.ledger.sent, backlog)
    assert judged.count("dead-lettered")[0] == rig.ledger.dead_lettered
    assert {file.name for file in judged.files if file.fate != "dead-lettered"} == rig.results.keys()
    struck = sum(fault.struck for fault in faults.faults)
    assert len(rig.run.kinds("fault")) == struck
    return len(given_up)


@pytest.mark.parametrize("seed", range(SHORT))
def test_under_faults_kills_and_crashes_any_backlog_is_processed_to_the_end(
    play: Any, tmp_path: Path, seed: int
) -> None:
    check_schedule(play, tmp_path / "output", seed)


@pytest.mark.parametrize("seed", range(0, SHORT, 4))
def test_the_same_where_messages_go_by_tens(play: Any, tmp_path: Path, seed: int) -> None:
    check_schedule(play, tmp_path / "output", seed, max_demand=10)


async def crashes(meddler: Meddler) -> None:
    """Crashes a stage every two seconds, which is about as long as a file takes here."""
    chance = random.Random(1)
    while True:
        await anyio.sleep(2)
        names = meddler.system.names
        chance.choice([names[name] for name in names if name.endswith("Consumer")]).kill()


@pytest.mark.parametrize("max_demand", [1, 10])
def test_where_crashes_make_dead_letters_these_are_what_was_in_hand_at_three(
    play: Any, tmp_path: Path, max_demand: int
) -> None:
    slow = {"simulation": Simulation(get_object=(0.5, 2.5)), "pipelines": 2, "harm": crashes}
    found = [check_schedule(play, tmp_path / str(seed), seed, max_demand, **slow) for seed in range(1, 7)]
    assert sum(found) > 0, "or there is nothing to answer for"


@pytest.mark.long
@pytest.mark.parametrize("twenty", range(SHORT, LONG, 20))
def test_a_thousand_schedules(play: Any, tmp_path: Path, twenty: int) -> None:
    for seed in range(twenty, twenty + 20):
        check_schedule(play, tmp_path / str(seed), seed)
