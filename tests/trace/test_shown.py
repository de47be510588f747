"""The numbers that a stage or a supervisor shows: told when they have changed, and refused where there are none."""

from __future__ import annotations

import anyio
import pytest
from traced import Quiet, Sink, line_of, of

from palleto import Consumer, Recorder, SettingError, System, TaskSupervisor, cast, running, whereis
from palleto.replay import Moment


class Owing(Quiet):
    shown = ("owed", "asked")

    def init(self):
        self.owed = self.asked = 0

    def handle_demand(self, demand):
        self.owed += demand
        self.asked += 1
        whereis("server").wanted = self.owed

    def handle_cast(self, events):
        self.owed -= len(events)
        return events


class Server(TaskSupervisor):
    name = "server"
    shown = ("wanted",)

    def init(self):
        self.wanted = 0


def shown(recorder):
    return [(event.t, event.stage, event.data) for event in recorder.events if event.kind == "shown"]


async def owing_run(recorder, *more):
    async with running(of(Server(), Owing(), Sink(), *more), recorder=recorder, say=lambda line: None):
        await System.current().idle()
        await anyio.sleep(1.5)
        cast("quiet", ["a", "b"])
        await System.current().idle()


async def test_numbers_are_told_first_and_when_they_have_changed(tmp_path):
    recorder = Recorder(strict=True, file=tmp_path / "trace.jsonl")
    await owing_run(recorder)
    recorder.close()
    told = [(stage, data) for _, stage, data in shown(recorder)]
    assert told == [
        ("server", {"wanted": 0}),
        ("quiet", {"owed": 0, "asked": 0}),
        ("quiet", {"owed": 2, "asked": 1}),
        ("server", {"wanted": 2}),
        ("quiet", {"owed": 0, "asked": 1}),  # what arrived was what was owed
        ("quiet", {"owed": 2, "asked": 2}),
    ]
    assert '"kind": "shown"' in (tmp_path / "trace.jsonl").read_text()


async def test_a_number_follows_the_callback_that_changed_it_at_the_line_where_that_stood():
    recorder = Recorder(strict=True)
    await owing_run(recorder)
    events = recorder.events
    places = [number for number, event in enumerate(events) if event.data == {"owed": 2, "asked": 1}]
    (at,) = places
    assert [event.kind for event in events[at - 1 : at + 2]] == ["handle_demand", "shown", "shown"]
    assert [(event.stage, event.line) for event in events[at : at + 2]] == [
        ("quiet", line_of(Owing.handle_demand) + 3),
        ("server", line_of(Owing.handle_demand) + 3),  # whose code has changed it
    ]


async def test_who_names_no_numbers_is_not_told_of_and_an_attribute_of_that_name_is_the_users():
    class Mine(Consumer):
        def init(self):
            self.shown = 7
            self.subscribe("quiet", max_demand=1)

        def handle_events(self, events):
            pass

    recorder = Recorder()
    await owing_run(recorder, Mine())
    assert {stage for _, stage, _ in shown(recorder)} == {"server", "quiet"}


async def test_what_is_no_number_any_more_is_told_as_text():
    class Vague(Owing):
        def handle_demand(self, demand):
            self.owed = None

    recorder = Recorder()
    async with running(of(Vague(), Sink()), recorder=recorder):
        await System.current().idle()
    assert shown(recorder)[-1][2] == {"owed": "None", "asked": 0}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("owed", r"expected Wrong\.shown to be a tuple of names, as \('owed',\), got: 'owed'"),
        ((3,), r"expected Wrong\.shown to be a tuple of names, .* got: \(3,\)"),
        (None, r"expected Wrong\.shown to be a tuple of names, .* got: None"),
        (("owde",), r"whose `shown` names 'owde', to set self\.owde to a number in its init, got: None"),
        (("name",), r"whose `shown` names 'name', to set self\.name to a number in its init, got: 'quiet'"),
    ],
)
@pytest.mark.parametrize("recorder", [None, Recorder()], ids=["unrecorded", "recorded"])
async def test_a_wrong_name_is_refused_at_the_start(names, expected, recorder):
    wrong = type("Wrong", (Owing,), {"shown": names})
    with pytest.raises(SettingError, match=expected) as caught:
        async with running(of(Server(), wrong()), recorder=recorder):
            raise AssertionError("unreachable")
    assert "\n" not in str(caught.value)


async def test_a_supervisor_does_not_stand_where_its_number_was_changed():
    recorder = Recorder()
    await owing_run(recorder)
    moment = Moment.of(recorder.events)
    assert moment.last["server"].line == line_of(Server.init)
    assert moment.last["quiet"].line == line_of(Owing.handle_demand)
