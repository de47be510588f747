"""Step 4: nothing is there yet, so the server waits.

          ◀── kill, start           ◀── pull(10)              ◀── demand 10
    loop                   Server                   Producer                Consumer
     │                              [], at once ──▶           hey, hey ──▶
     └── nothing, nothing, ..., Producer.enqueue([hey, hey]) ──▶

Changed: Server.

Why: a real queue is empty most of the time. The loop looks every five seconds: five times in vain, then it finds two
events a run, and it ends as soon as nothing more is wanted. `pull` kills a loop that still runs before it starts a
new one, or there would soon be many that look for the same events.

Unchanged: Producer, Consumer, Pipeline, Run.

Predict: when is the first event consumed? When does the second demand come? Is a loop ever killed, with one consumer?
"""

from __future__ import annotations

import palleto
from palleto import Supervisor, TaskSupervisor, cast, child, say, whereis
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
            say(f"Server looping: Run {run}. Looking for {self.wanted} events")
            events = [] if run < 5 else ["hey", "hey"]
            if events:
                self.wanted -= len(events)
                Producer.enqueue(events)
            run += 1
            if self.wanted > 0:
                await anyio.sleep(5)


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
