"""A stage's attributes are its user's, but for the names that the docstring of `Stage` lists."""

from __future__ import annotations

import re

import pytest
from stage_members import Numbers, Sink, idle, stages

from palleto import Consumer, Producer, ProducerConsumer, SettingError, running
from palleto.runtime import Stage
from palleto.runtime.stage import CALLBACKS as CALLBACK_NAMES

LISTED, SETTINGS = (
    set(re.findall(r"`(\w+)`", part))
    for part in re.search(r"these names.*?SettingError:(.*?\))\.(.*?)are settings", Stage.__doc__, re.DOTALL).groups()
)
CALLBACKS = {"init", "format_discarded", *CALLBACK_NAMES}
KINDS = [Producer, ProducerConsumer, Consumer]


@pytest.mark.parametrize("kind", KINDS)
def test_no_other_public_name_is_reserved(kind):
    assert {name for name in dir(kind) if not name.startswith("_")} <= LISTED | SETTINGS | CALLBACKS


@pytest.mark.parametrize("kind", KINDS)
async def test_names_that_are_palletos_own_are_refused(kind):
    class Own(kind):
        def __init__(self, name):
            setattr(self, name, 3)

    for name in (name for name in sorted(LISTED) if hasattr(kind, name) or name == "_mailbox"):
        with pytest.raises(SettingError, match=rf"^expected Own to keep .* under another name than '{name}'.*$"):
            async with running(Own(name)):
                raise AssertionError("unreachable")


async def test_all_other_names_are_the_users():
    names = "source busy parent reason subscriptions messages port state observer waiting scope task count dispatcher_"

    class Mine(Sink):
        def init(self):
            for name in names.split():
                setattr(self, name, f"my {name}")
            super().init()

        async def handle_events(self, events):
            self.got += [getattr(self, name) for name in names.split()]

    sink = Mine(max_demand=1)
    sink.source = "set before the start"

    async with stages(Numbers(1), sink):
        await idle()
    assert sink.got == [f"my {name}" for name in names.split()]
