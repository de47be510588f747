"""Solutions of step 7's challenges: each is a pipeline that reaches the goal of its name."""

from palleto import Supervisor, child, say, whereis
from steps.step7 import Consumer, Producer, Server, anyio


class Knowing(Server):
    """Knows which files are done."""

    def init(self) -> None:
        super().init()
        self.done: set[str] = set()


class Once(Consumer):
    """Consumes what is not done yet, and releases all."""

    async def handle_events(self, events) -> None:
        server = whereis("SQS.Server")
        new = {event.key: event for event in events if event.key not in server.done}
        if new:
            await anyio.sleep(1)
            say(f"Consumed by {self.id}: {', '.join(map(str, new.values()))}")
            server.done.update(new)
        await server.release(events)


def once(warehouse) -> Supervisor:
    return Supervisor([child(Knowing, warehouse), child(Producer), child(Once)], strategy="rest_for_one")
