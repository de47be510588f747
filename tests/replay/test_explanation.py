"""Why nothing happens: the chain must end at its cause, of stalls that are made for real and of traces told by hand."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

import anyio
import pytest

import palleto
from palleto import (
    Consumer,
    Producer,
    Recorder,
    RestartError,
    SettingError,
    Supervisor,
    TraceEvent,
    child,
    running,
)
from palleto.replay import Explanation, explain
from steps import step9


@pytest.mark.parametrize("simulated", [True, False], ids=["as the simulation tells it", "as a server does"])
def test_all_messages_in_flight(play: Any, simulated: bool) -> None:
    trace = [event for event in play(6).trace if simulated or event.kind != "message"]
    found = explain(trace, at=15.0)
    assert found.cause == "all in flight"
    assert "has all its 13 messages in flight; the first is visible again at 30.000 s" in found.sentence
    assert explain(trace, at=2.5).cause == "busy"  # in the second that it takes to consume


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
    assert found.event.line is not None
    assert found.others == {"Pipeline2Consumer": "empty queue"}


class Numbers(Producer):
    name = "numbers"

    def handle_demand(self, demand: int) -> list[int]:
        return list(range(min(demand, 2)))  # two at a time, and forgets the rest


def explained(handle: Any, demand: int) -> Explanation:
    """Why nothing happens after 20 s where a consumer has that callback."""

    class Sink(Consumer):
        name = "sink"
        handle_events = handle

        def init(self) -> None:
            self.subscribe("numbers", max_demand=demand, min_demand=0)

    recorder, top = Recorder(), Supervisor([child(Numbers), child(Sink)], name="top")

    async def main() -> None:
        async with running(top, recorder=recorder, say=lambda line: None, report=lambda line: None):
            await anyio.sleep(20)

    with suppress(RestartError):
        palleto.run(main, time="virtual")
    return explain(recorder)


def test_a_producer_without_loops_that_forgets() -> None:
    found = explained(lambda self, events: None, demand=10)
    assert (found.cause, found.reasons[0].text) == ("forgotten demand", "waits for 8 events of numbers")
    assert (found.event.kind, found.event.data["count"]) == ("handle_demand", 10)


def test_a_run_whose_supervisor_gave_up() -> None:
    found = explained(lambda self, events: 1 / 0, demand=1)
    assert found.cause == "out of restarts"
    assert "sink crashed last on ZeroDivisionError: division by zero" in found.sentence


def test_a_stage_that_hangs() -> None:
    async def hang(self: Consumer, events: list[int]) -> None:
        await anyio.sleep(1000)

    found = explained(hang, demand=1)
    assert (found.cause, found.reasons[0].text) == ("busy", "has been handling 0 for 20.000 s")


# ---- told by hand: what a run shows seldom


def looked_for(*more: TraceEvent) -> Explanation:
    """Why nothing happens where C waits for five events of P, and P's loops did that."""
    return explain([replace(event, seq=seq, t=seq * 1.0) for seq, event in enumerate([*_begin(), *more])])


def _begin() -> list[TraceEvent]:
    ledger = {"before": [0, 0, 0, 0], "after": [5, 5, 0, 0]}
    return [
        *(TraceEvent(0, 0.0, stage, "started", data={"class": stage}) for stage in "PC"),
        TraceEvent(0, 0.0, "P", "subscribe", "C"),
        TraceEvent(0, 0.0, "P", "ask", "C", data={"count": 5}),
        TraceEvent(0, 0.0, "P", "handle_demand", ledger=ledger, data={"count": 5}),
    ]


def loop(name: str, kind: str, *ids: str, **data: Any) -> TraceEvent:
    return TraceEvent(0, 0.0, name, kind, ids=ids, data=data)


def ended(name: str, reason: str = "normal") -> TraceEvent:
    return loop(name, "loop_ended", reason=reason)


POLL = loop("#3", "receive", counts=[])
POLLED = [loop("#3", "loop_started"), POLL]
DIED = [loop("#1", "loop_started"), loop("#1", "receive", counts=[]), ended("#1", "ValueError: no")]
DONE = [loop("#2", "loop_started"), loop("#2", "cast"), ended("#2")]
BEGUN = loop("#4", "loop_started")
SAID = loop("#4", "said", text="Server looping: Run 0. Looking for 5 events")
ARRIVED = loop("", "message", "m1", state="visible", receives=0, until=None)
CRASHED, KILLED = loop("#3", "loop_crashed", reason="X"), loop("#3", "loop_killed")
AGAIN = loop("#4", "loop_crashed", reason="X", again=0.0)


@pytest.mark.parametrize(
    ("loops", "cause", "who"),
    [
        pytest.param([*DIED, *DONE], "forgotten demand", "Its loop #2", id="last ended well"),
        pytest.param([*DONE, *DIED], "crashed loop", "Its loop #1", id="last died"),
        pytest.param([*POLLED, BEGUN], "between polls", "Its loop #4", id="last has begun"),
        pytest.param([BEGUN, *POLLED], "empty queue", "The queue", id="last polls"),
        pytest.param([*POLLED, CRASHED], "crashed loop", "Its loop #3", id="crashed"),
        pytest.param([POLLED[0], CRASHED, POLL], "empty queue", "The queue", id="crashed before"),
        pytest.param([*POLLED, KILLED], "killed loop", "Its loop #3", id="killed"),
        pytest.param([BEGUN, *POLLED, KILLED], "between polls", "Its loop #4", id="one that runs is left"),
        pytest.param([*POLLED, ARRIVED], "between polls", "The queue", id="a message is there"),
        pytest.param([ARRIVED, BEGUN, SAID], "between polls", "Its loop #4", id="has not polled yet"),
        pytest.param([BEGUN, SAID], "nothing found yet", "Its loop #4", id="has looked at no queue"),
        pytest.param([BEGUN, SAID, AGAIN], "nothing found yet", "Its loop #4", id="runs again"),
    ],
)
def test_of_several_loops_the_last_counts_and_of_what_it_did_the_last(
    loops: list[TraceEvent], cause: str, who: str
) -> None:
    found = looked_for(*loops)
    assert (found.cause, found.reasons[-1].who) == (cause, who)


def asked(most: int) -> TraceEvent:
    return loop("#3", "request", operation="sqs.ReceiveMessage", error="no", max=most)


def found_by(*ids: str, **data: Any) -> TraceEvent:
    """A receive of the loop: one message each of these ids, of one file each."""
    return loop("#3", "receive", *ids, **{"counts": [1] * len(ids), "names": [["a"]] * len(ids), **data})


def said(events: str) -> TraceEvent:
    return loop("P", "said", text=f"Asking for {events}")


NOBODY = "nobody looks for the rest"
NO_FILE = "it had received abcdefgh, a message that names no file, such as S3's test message"
COUNTS_WRONG = "P counts wrong: with demand for 5 unmet it asked for 0 events; its loop #3 looked for nothing and ended"


@pytest.mark.parametrize(
    ("did", "cause", "words"),
    [
        ([loop("#3", "loop_crashed", reason="X", again=7.5)], "crashed loop", "crashed on X; it runs again at 7.500 s"),
        ([loop("#3", "cast"), ended("#3")], "forgotten demand", f"found what it was asked for and ended; {NOBODY}"),
        ([ended("#3", "KeyError: x")], "crashed loop", "died on KeyError: x, and only new demand starts another"),
        ([found_by("abcdefgh-1", names=[[]]), ended("#3", "KeyError: x")], "crashed loop", f"another; {NO_FILE}"),
        ([asked(0), ended("#3", "CloudError: no")], "lost demand", "died on MaxNumberOfMessages=0"),
        ([asked(1), ended("#3", "CloudError: no")], "crashed loop", "died on CloudError: no"),
        ([said("0 events"), ended("#3")], "lost demand", COUNTS_WRONG),
        ([said("1 event"), ended("#3")], "forgotten demand", NOBODY),
        ([said("0 events"), POLL, ended("#3")], "forgotten demand", NOBODY),
        ([said("0 events"), KILLED], "killed loop", "was killed, and no other was started"),
        (
            [found_by("m1", "m2", visibility=30)],
            "all in flight",
            "has all its 2 messages in flight; the first is visible again at 36.000 s",
        ),
        ([found_by("m1")], "all in flight", "; the queue has all its 1 messages in flight."),
    ],
)
def test_what_is_said_of_a_loop(did: list[TraceEvent], cause: str, words: str) -> None:
    found = looked_for(POLLED[0], *did)
    assert found.cause == cause
    assert words in found.sentence


@pytest.mark.parametrize(
    ("ids", "words"), [(("a", "b"), "handling a, b for"), (("a", "b", "c"), "handling a, b and 1 more for")]
)
def test_what_a_stage_is_busy_with(ids: tuple[str, ...], words: str) -> None:
    found = looked_for(loop("C", "handle_events", *ids))
    assert found.cause == "busy"
    assert words in found.sentence


def test_time_goes_on_where_nothing_happens() -> None:
    begun = [loop("C", "started"), loop("P", "subscribe"), loop("C", "handle_events", "a")]
    begun[1] = replace(begun[1], peer="C")
    trace = [replace(event, seq=seq) for seq, event in enumerate(begun)]
    assert "for 7.500 s" in explain(trace, at=7.5).sentence
    assert explain(trace, at=0).t == 0.0


def test_what_a_producer_holds_and_what_others_wait_for() -> None:
    held = {"before": [0, 0, 0, 0], "after": [5, 5, 2, 0]}
    found = looked_for(replace(loop("P", "handle_demand", count=5), ledger=held))
    assert "remembers demand for 5 events, with 2 in its buffer" in found.sentence
    assert found.others == {}
    assert "Of the others" not in found._repr_html_()
    other = [loop("D", "started"), replace(loop("P", "subscribe"), peer="D")]
    found = looked_for(*other)
    assert found.others == {"D": "no demand"}
    assert "Of the others, D: no demand." in found._repr_html_()


@pytest.mark.parametrize(
    ("ends", "cause", "words"),
    [
        ([loop("C", "crash", reason="X")], "crashed stage", "C crashed on X, and nobody has started it again"),
        ([loop("C", "stopped", reason="normal")], "crashed stage", "C has ended (normal)"),
        ([replace(loop("P", "cancel"), peer="C")], "no demand", "C is subscribed to nobody."),
        (
            [replace(loop("P", "cancel"), peer="C"), loop("P", "stopped", reason="normal")],
            "crashed stage",
            "C is subscribed to nobody: P is not there; P has ended (normal).",
        ),
    ],
    ids=["crashed", "stopped", "cancelled", "cancelled, and the producer has ended"],
)
def test_a_consumer_without_a_producer_or_without_life(ends: list[TraceEvent], cause: str, words: str) -> None:
    found = looked_for(*ends)
    assert found.cause == cause
    assert words in found.sentence


def test_one_event_is_one_event() -> None:
    found = looked_for(replace(loop("P", "emitted", *"abcd"), peer="C"))
    assert found.reasons[0].text == "waits for 1 event of P"
    trace = [replace(event, seq=seq) for seq, event in enumerate(_begin())]
    assert explain(trace, stage="C").cause == "forgotten demand"


def test_what_follows_at_once() -> None:
    """At a moment in the middle of things nobody is accused: the next event follows, or the run's end did it."""
    last = [replace(event, t=4.0, seq=5 + seq) for seq, event in enumerate([loop("#1", "loop_started"), SAID])]
    begin = [replace(event, seq=seq) for seq, event in enumerate(_begin())]
    found = explain([*begin, *last], at=5)
    assert (found.cause, found.reasons[-1].text) == ("under way", "goes on at once, with said")
    drain = TraceEvent(6, 4.0, "", "drain")
    assert "was ended in the middle of its work" in explain([*begin, last[0], drain], at=5).sentence
    assert explain([*begin, last[0], replace(last[1], t=4.1)], at=5).cause == "between polls"


def test_it_shows_itself_and_refuses_what_is_no_run(play: Any) -> None:
    trace = play(9, seconds=60).trace
    found = explain(trace)
    assert (found.cause, found.event.kind) == ("empty queue", "receive")
    assert repr(found).splitlines()[0].endswith(": empty queue")
    assert repr(found).splitlines()[-1].startswith("        └─ The queue is empty")
    assert ">The queue</td>" in found._repr_html_()
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
