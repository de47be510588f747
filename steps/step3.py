"""Step 3: events are sent through the producer's own interface.

          ◀── start           ◀── pull(10)                ◀── demand 10
    loop             Server                   Producer                    Consumer
     │                        [], at once ──▶             hey, hey, ... ──▶
     └── Producer.enqueue([hey, hey, ...]) ───▶

Changed: Server, Producer.

Why: in step 2 the loop knew how the producer's messages look, and so would everyone else who has events to give. Now
the producer has a function for it, `Producer.enqueue(events)`, and its messages are its own affair. They can change,
and no loop notices.

Unchanged: Consumer, Pipeline, Run.

Predict: one line is new in the output. Which one prints it, the loop or the producer, and when?
"""

from __future__ import annotations

import palleto
from palleto import Supervisor, TaskSupervisor, cast, child, say, whereis
from palleto.program import after_events, main

import anyio

# ---- Server ----


class Server(TaskSupervisor):
    """Looks for events in loops, which are tasks that it supervises."""

    name = "SQS.Server"

    def init(self) -> None:
        say(f"Attempting to start {self.name}")
        say(f"Initializing {self.name} supervision tree")

    def pull(self, count: int) -> list[str]:
        """Start to look for `count` events; there is nothing yet."""
        say(f"There are currently {len(self.tasks)} servers looping")
        task = self.start_task(self.loop, count)
        say(f"Started new server loop with pid {task.id}")
        return []

    async def loop(self, wanted: int) -> None:
        """Find events, and hand them to the producer."""
        say(f"Server looping: Run 0. Looking for {wanted} events")
        events = ["hey"] * wanted
        Producer.enqueue(events)


# ---- Producer ----


class Producer(palleto.Producer):
    """Turns demand into a pull from the server, and emits what the server's loops send."""

    name = "SQS.Producer"

    def init(self) -> None:
        say(f"Initialised {self.name}")

    @staticmethod
    def enqueue(events: list[str]) -> None:
        """Give events to the producer: the public interface, for whoever found some."""
        say("Casting events to producer")
        cast(Producer.name, ("enqueue", events))

    def handle_demand(self, demand: int) -> list[str]:
        say(f"{self.name} handling demand of {demand}")
        return self.take(demand)

    def handle_cast(self, message: tuple[str, list[str]]) -> list[str]:
        _, events = message
        say(f"{self.name} got notified about {len(events)} new events")
        return events

    def take(self, count: int) -> list[str]:
        say(f"Asking for {count} events")
        events = whereis("SQS.Server").pull(count)
        say(f"Received {len(events)} events")
        return events


# ---- Consumer ----


class Consumer(palleto.Consumer):
    """Asks for ten events, and takes a second to consume them."""

    def init(self) -> None:
        self.subscribe("SQS.Producer", min_demand=0, max_demand=10)

    async def handle_events(self, events: list[str]) -> None:
        await anyio.sleep(1)
        say(f"Consumed: {', '.join(events)}")


# ---- Pipeline ----


def pipeline() -> Supervisor:
    """Each after what it needs. If one crashes, those after it start anew too: what they wait for is gone with it."""
    return Supervisor([child(Server), child(Producer), child(Consumer)], strategy="rest_for_one")


# ---- Run ----

if __name__ == "__main__":
    main(pipeline, until=after_events(30))
