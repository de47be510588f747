"""Solutions of lab 4's challenge: a pipeline that reaches the goal of its name."""

from functools import partial

import anyio

from palleto import Supervisor, child
from palleto.lab.overload import File, Inbox, Worker, note


def three(inbox: type[Inbox], *lanes: tuple[int, float]) -> Supervisor:
    return Supervisor([child(inbox), *(child(Worker, most, seconds) for most, seconds in lanes)])


together = partial(three, Inbox, (10, 1), (10, 1), (1, 4))
together_as_it_is = partial(three, Inbox, (40, 1), (40, 1), (40, 4))
"""The notebook's code, with its gap."""


# ---- what does not count


class Ready(Inbox):
    """Answers at once."""

    async def handle_demand(self, demand: int) -> list[File]:
        files, self.files = self.files[:demand], self.files[demand:]
        for file in files:
            note("download", file)
            await anyio.sleep(0.01)
        return files


not_together_all_fast = partial(three, Inbox, (10, 1), (10, 1), (10, 1))
not_together_more = partial(three, Inbox, (10, 1), (10, 1), (1, 4), (10, 1))
not_together_at_once = partial(three, Ready, (10, 1), (10, 1), (1, 4))
