"""Step 5: three consumers.

                                                              ┌── demand 10 ── Consumer
    loop ◀── kill, start ── Server ◀── pull(30) ── Producer ◀─┼── demand 10 ── Consumer
     │                                             owes 30    └── demand 10 ── Consumer
     └── Producer.enqueue([hey, hey]) ──────────────▶         hey, hey ──▶

Changed: Server, Producer, Consumer, Pipeline.

Why: demand is asked once and adds up. Each of three consumers asks for ten, and asks again when it has had its ten,
while the producer still owes the others some. It must remember what it owes: a producer that forgets it freezes its
consumers. What it owes never falls below zero, or a later demand would be taken for met. The server kills the loop
that looks for too little and starts one for the sum; loops now follow each other, so each says its id.

Unchanged: Run.

Predict: three consumers ask at the start. How many loops are started, how many killed? Are three consumers faster
than the one of step 4?
"""

from __future__ import annotations

import palleto
from palleto import Supervisor, TaskSupervisor, actor, cast, child, say, whereis
from palleto.program import after_events, main

import anyio

# ---- Server ----


class Server(TaskSupervisor):
    """Looks for events in loops, one at a time; a loop finds nothing at first, and little after that."""

    name = "SQS.Server"
    shown = ("wanted",)

    def init(self) -> None:
        say(f"Attempting to start {self.name}")
        say(f"Initializing {self.name} supervision tree")
        self.wanted = 0

    def pull(self, count: int) -> list[str]:
        """Start to look for `count` events, and for no others; there is nothing yet."""
        say(f"There are currently {len(self.tasks)} servers looping")
        self.terminate_loops()
        self.wanted = count
        task = self.start_task(self.loop)
        say(f"Started new server loop with pid {task.id}")
        return []

    def terminate_loops(self) -> None:
        for task in self.tasks:
            say(f"Terminating server with pid {task.id}")
            task.kill()
        say("All servers terminated")

    async def loop(self) -> None:
        """Look every five seconds until all that is wanted was found."""
        run = 0
        while self.wanted > 0:
            say(f"Server {actor().id} looping: Run {run}. Looking for {self.wanted} events")
            events = [] if run < 5 else ["hey", "hey"]
            if events:
                self.wanted -= len(events)
                Producer.enqueue(events)
            run += 1
            if self.wanted > 0:
                await anyio.sleep(5)


# ---- Producer ----


class Producer(palleto.Producer):
    """Remembers what it owes, pulls that from the server, and emits what the server's loops send."""

    name = "SQS.Producer"
    shown = ("owed",)

    def init(self) -> None:
        say(f"Initialised {self.name}")
        self.owed = 0

    @staticmethod
    def enqueue(events: list[str]) -> None:
        """Give events to the producer: the public interface, for whoever found some."""
        say("Casting events to producer")
        cast(Producer.name, ("enqueue", events))

    def handle_demand(self, demand: int) -> list[str]:
        say(f"{self.name} handling demand of {demand}")
        self.owed += demand
        return self.take(self.owed)

    def handle_cast(self, message: tuple[str, list[str]]) -> list[str]:
        _, events = message
        say(f"{self.name} got notified about {len(events)} new events")
        self.owed = max(0, self.owed - len(events))  # a killed loop may have sent one too many
        return events

    def take(self, count: int) -> list[str]:
        say(f"Asking for {count} events")
        events = whereis("SQS.Server").pull(count)
        say(f"Received {len(events)} events")
        self.owed -= len(events)
        return events


# ---- Consumer ----


class Consumer(palleto.Consumer):
    """Asks for ten events, and takes a second to consume them."""

    def init(self) -> None:
        self.subscribe("SQS.Producer", min_demand=0, max_demand=10)

    async def handle_events(self, events: list[str]) -> None:
        await anyio.sleep(1)
        say(f"Consumed by {self.id}: {', '.join(events)}")


# ---- Pipeline ----


def pipeline() -> Supervisor:
    """Three consumers of one producer. If one crashes, those after it start anew too."""
    consumers = [child(Consumer), child(Consumer), child(Consumer)]
    return Supervisor([child(Server), child(Producer), *consumers], strategy="rest_for_one")


# ---- Run ----

if __name__ == "__main__":
    main(pipeline, until=after_events(30))
