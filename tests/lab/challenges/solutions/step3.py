"""Solutions of step 3's challenges: each is a pipeline that reaches the goal of its name."""

from palleto import Supervisor, cast, child
from steps.step3 import Consumer, Producer, Server


class Counting(Producer):
    """Makes and reads messages of another form."""

    @staticmethod
    def enqueue(events: list[str]) -> None:
        cast(Producer.name, ("found", len(events), events))

    def handle_cast(self, message: tuple[str, int, list[str]]) -> list[str]:  # type: ignore[override]
        _, _, events = message
        return events


class Finder(Server):
    """Knows no form, only a function."""

    async def loop(self, wanted: int) -> None:
        Counting.enqueue(["hey"] * wanted)


def new_form() -> Supervisor:
    return Supervisor([child(Finder), child(Counting), child(Consumer)], strategy="rest_for_one")
