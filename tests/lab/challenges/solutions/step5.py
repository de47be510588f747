"""Solutions of step 5's challenges: each is a pipeline that reaches the goal of its name."""

from functools import partial

from palleto import Supervisor, child, say
from steps.step5 import Consumer, Producer, Server, anyio


class Patient(Server):
    """Starts a loop for each demand, which looks for that alone, and kills none."""

    def pull(self, count: int) -> list[str]:
        self.start_task(self.look, count)
        return []

    async def look(self, wanted: int) -> None:
        run = 0
        while wanted > 0:
            events = [] if run < 5 else ["hey", "hey"]
            if events:
                wanted -= len(events)
                Producer.enqueue(events)
            run += 1
            if wanted > 0:
                await anyio.sleep(5)


class Asking(Producer):
    """Asks for what is new; what it owes is what the loops look for."""

    def handle_demand(self, demand: int) -> list[str]:
        say(f"{self.name} handling demand of {demand}")
        self.owed += demand
        return self.take(demand)


def with_stages(server: type[Server], producer: type[Producer]) -> Supervisor:
    consumers = [child(Consumer), child(Consumer), child(Consumer)]
    return Supervisor([child(server), child(producer), *consumers], strategy="rest_for_one")


faster = partial(with_stages, Patient, Asking)


# ---- what does not count


class Hasty(Patient):
    """Its loops look in vain but once."""

    async def look(self, wanted: int) -> None:
        while wanted > 0:
            await anyio.sleep(5)
            Producer.enqueue(["hey", "hey"])
            wanted -= 2


class Inventive(Producer):
    """Makes the events itself."""

    def handle_demand(self, demand: int) -> list[str]:
        return ["hey"] * demand


class Flooding(Asking):
    """Starts three loops for each demand."""

    def handle_demand(self, demand: int) -> list[str]:
        return self.take(demand) + self.take(demand) + self.take(demand)


not_faster_hasty = partial(with_stages, Hasty, Asking)
not_faster_inventive = partial(with_stages, Patient, Inventive)
not_faster_flooding = partial(with_stages, Patient, Flooding)
