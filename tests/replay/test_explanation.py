"""Why nothing happens: each stall is made for real, and the chain must end at its cause."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

import palleto
from palleto import CloudError, Consumer, Producer, Recorder, RestartError, SettingError, Supervisor, child, running
from palleto.cloud import Simulation
from palleto.cloud.clients.client import Client
from palleto.cloud.queue import Leases
from palleto.replay.explanation import explain
from steps import step5, step9

JITTER = Simulation(receive=(0.0, 0.05), get_object=(0.0, 0.1))


def temporary(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loops that die stay dead, as in the original."""
    start_task = step9.Server.start_task
    monkeypatch.setattr(step9.Server, "start_task", lambda self, function, **_: start_task(self, function))


def test_the_test_event_crashes_the_loop(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def parse(message: dict[str, Any]) -> list[Any]:
        if "s3:TestEvent" in message["Body"]:
            raise KeyError("Records")
        return step9.Server.parse(message)

    monkeypatch.setattr(Leases, "take", lambda self, message, _: parse(message))
    temporary(monkeypatch)
    found = explain(play(9, seconds=25).trace)
    assert found.cause == "crashed loop"
    assert found.event is not None
    assert found.event.kind == "loop_ended"
    assert [reason.who for reason in found.reasons[:-2]] == ["Pipeline1Consumer", "Pipeline1ProducerConsumer"]
    assert "SQS.Producer remembers demand for 3 events" in found.sentence
    assert "died on KeyError: 'Records'" in found.sentence
    assert "a message that names no file, such as S3's test message" in found.sentence


def test_forgotten_demand(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def handle_demand(self: step5.Producer, demand: int) -> list[str]:
        self.owed = demand  # what was owed before is forgotten
        return self.take(self.owed)

    monkeypatch.setattr(step5.Producer, "handle_demand", handle_demand)
    found = explain(play(5, seconds=300).trace)
    assert found.cause == "forgotten demand"
    assert found.reasons[0].text.startswith("waits for ")
    assert "SQS.Producer remembers demand for 20 events" in found.sentence
    assert "found what it was asked for and ended; nobody looks for the rest" in found.sentence


def test_a_producer_without_loops_that_forgets(monkeypatch: pytest.MonkeyPatch) -> None:
    class Forgetful(Producer):
        name = "forgetful"

        def handle_demand(self, demand: int) -> list[int]:
            return [1, 2]

    class Sink(Consumer):
        name = "sink"

        def init(self) -> None:
            self.subscribe("forgetful", max_demand=10, min_demand=0)

        def handle_events(self, events: list[int]) -> None:
            pass

    found = explain(run_of(Supervisor([child(Forgetful), child(Sink)])))
    assert (found.cause, found.reasons[0].text) == ("forgotten demand", "waits for 8 events of forgetful")
    assert found.event is not None
    assert (found.event.kind, found.event.data["count"]) == ("handle_demand", 10)


def run_of(top: Supervisor, seconds: float = 20.0) -> Recorder:
    recorder = Recorder()

    async def main() -> None:
        async with running(top, recorder=recorder, say=lambda line: None, report=lambda line: None):
            await anyio.sleep(seconds)

    try:
        palleto.run(main, time="virtual")
    except RestartError:
        assert recorder.events
    return recorder


def below_zero(self: step9.Producer, message: tuple[str, list[Any]]) -> list[Any]:
    """The original's: the count goes to -1 when a killed loop has sent one too many, and is never repaid."""
    self.owed -= len(message[1])
    return message[1]


def stalls(play: Any, **settings: Any) -> Any:
    for seed in range(12):
        played = play(9, files=40, seconds=29, simulation=JITTER, seed=seed, **settings)
        if len(played.summary.files) < 40:
            return played
    raise AssertionError("the original's fault does not show")


def test_lost_demand(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step9.Producer, "handle_cast", below_zero)
    found = explain(stalls(play).trace)
    assert found.cause == "lost demand"
    assert "SQS.Producer counts wrong: with demand for " in found.sentence
    assert "unmet it asked for 0 events" in found.sentence


def test_lost_demand_that_sqs_refuses(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def loop(self: step9.Server) -> None:
        while True:  # as the original, which did not look at the number
            response = await self.warehouse.sqs.receive_message(
                QueueUrl=self.warehouse.queue_url, MaxNumberOfMessages=min(self.wanted, 10), WaitTimeSeconds=2
            )
            messages = response.get("Messages", [])
            events = [event for message in messages for event in self.warehouse.leases.take(message, self.parse)]
            if events:
                self.wanted -= len(events)
                step9.Producer.enqueue(events)
            if self.wanted == 0:
                return

    temporary(monkeypatch)
    monkeypatch.setattr(step9.Server, "loop", loop)
    monkeypatch.setattr(step9.Producer, "handle_cast", below_zero)
    found = explain(stalls(play).trace)
    assert found.cause == "lost demand"
    assert "died on MaxNumberOfMessages=0" in found.sentence


def test_an_empty_queue(play: Any) -> None:
    found = explain(play(9, seconds=60).trace)
    assert found.cause == "empty queue"
    assert found.event is not None
    assert found.event.kind == "receive"


def test_all_messages_in_flight(play: Any) -> None:
    trace = play(6).trace
    found = explain(trace, at=15.0)
    assert found.cause == "all in flight"
    assert "has all its 13 messages in flight; the first is visible again at 30.000 s" in found.sentence
    assert explain(trace, at=2.5).cause == "busy"  # in the second that it takes to consume


def test_all_messages_in_flight_as_a_server_tells_it(play: Any) -> None:
    trace = [event for event in play(6).trace if event.kind != "message"]
    found = explain(trace, at=15.0)
    assert found.cause == "all in flight"
    assert "has all its 13 messages in flight; the first is visible again at 30.000 s" in found.sentence


@pytest.mark.parametrize("supervised", [True, False])
def test_a_crashed_loop(play: Any, monkeypatch: pytest.MonkeyPatch, supervised: bool) -> None:
    send = Client._send

    async def offline(self: Client, method: str, arguments: dict[str, Any]) -> Any:
        if method == "receive_message" and self._observer is not None:
            error = CloudError("sqs.ReceiveMessage", "EndpointConnectionError", "Could not connect")
            self._observer("sqs.ReceiveMessage", arguments, error)
            raise error
        return await send(self, method, arguments)

    monkeypatch.setattr(Client, "_send", offline)
    if not supervised:
        temporary(monkeypatch)
    found = explain(play(9, seconds=25).trace)
    assert found.cause == "crashed loop"
    assert "EndpointConnectionError" in found.sentence
    assert ("it runs again at " in found.sentence) == supervised
    assert found.event is not None
    assert found.event.line is not None


def test_a_killed_loop(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def pull(self: step5.Server, count: int) -> list[str]:
        running = bool(self.tasks)
        self.terminate_loops()
        if not running:
            self.wanted = count
            self.start_task(self.loop)
        return []

    monkeypatch.setattr(step5.Server, "pull", pull)
    monkeypatch.setattr(
        step5,
        "pipeline",
        lambda: Supervisor([child(step5.Server), child(step5.Producer), child(step5.Consumer), child(step5.Consumer)]),
    )
    assert explain(play(5, seconds=60, pipeline=step5.pipeline).trace).cause == "killed loop"


def test_a_supervisor_out_of_restarts(play: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def bad(self: step9.Consumer, downloads: list[Any]) -> None:
        if self.pipeline == "Pipeline1":
            raise ValueError("every file is bad here")
        await good(self, downloads)

    good = step9.Consumer.handle_events
    monkeypatch.setattr(step9.Consumer, "handle_events", bad)

    def pipeline(warehouse: Any, pipelines: int) -> Supervisor:
        pairs = [child(step9.Pipeline, warehouse, f"Pipeline{n}", restart="temporary") for n in (1, 2)]
        return Supervisor([child(step9.Server, warehouse), child(step9.Producer), *pairs], strategy="rest_for_one")

    found = explain(play(9, pipeline=pipeline, seconds=40, files=40).trace)
    assert found.cause == "out of restarts"
    assert [reason.who for reason in found.reasons] == ["Pipeline1Consumer", "Pipeline1", "Pipeline1Consumer"]
    assert "crashed last on ValueError: every file is bad here" in found.sentence
    assert found.event is not None
    assert found.event.line is not None
    assert found.others == {"Pipeline2Consumer": "empty queue"}


def test_a_run_whose_supervisor_gave_up() -> None:
    class Numbers(Producer):
        name = "numbers"

        def handle_demand(self, demand: int) -> list[int]:
            return list(range(demand))

    class Weak(Consumer):
        name = "weak"

        def init(self) -> None:
            self.subscribe("numbers", max_demand=1)

        def handle_events(self, events: list[int]) -> None:
            raise ValueError("no")

    found = explain(run_of(Supervisor([child(Numbers), child(Weak)], name="top")))
    assert found.cause == "out of restarts"
    assert "weak crashed last on ValueError: no" in found.sentence


def test_a_stage_that_hangs() -> None:
    class Numbers(Producer):
        name = "numbers"

        def handle_demand(self, demand: int) -> list[int]:
            return list(range(demand))

    class Slow(Consumer):
        name = "slow"

        def init(self) -> None:
            self.subscribe("numbers", max_demand=1)

        async def handle_events(self, events: list[int]) -> None:
            await anyio.sleep(1000)

    found = explain(run_of(Supervisor([child(Numbers), child(Slow)])))
    assert (found.cause, found.reasons[0].text) == ("busy", "has been handling 0 for 20.000 s")


def test_it_shows_itself_and_refuses_what_is_no_run(play: Any) -> None:
    trace = play(9, seconds=60).trace
    found = explain(trace)
    assert repr(found).splitlines()[0].endswith(": empty queue")
    assert repr(found).splitlines()[-1].startswith("        └─ The queue is empty")
    assert "<td>The queue</td>" in found._repr_html_()
    assert explain([]).cause == "no pipeline"
    with pytest.raises(SettingError, match="expected a stage of the run"):
        explain(trace, stage="Pipeline9Consumer")
    with pytest.raises(SettingError, match="expected a run"):
        explain("trace.jsonl")
    with pytest.raises(SettingError, match="expected a trace event, its number, or a time"):
        explain(trace, at="the end")
    with pytest.raises(SettingError, match="expected a moment of the run, from 0 up, got: -1"):
        explain(trace, at=-1)


@pytest.mark.parametrize("step", range(1, 10))
def test_a_run_that_works_is_accused_of_nothing(play: Any, step: int) -> None:
    """At every event: somebody works, a loop looks, or what comes next comes at once."""
    trace = play(step, seed=7).trace
    end = next(event.seq for event in trace if event.kind == "drain")
    found = {explain(trace, at=seq).cause for seq in range(0, end, 1 if end < 120 else 3)}
    assert found <= {"under way", "busy", "between polls", "nothing found yet", "all in flight", "empty queue"}
