"""The challenge of lab 5, and how it is judged. Each is a function; its name is the challenge's."""

from palleto.cloud import Simulation
from palleto.lab.capacity import Measured
from palleto.lab.challenges import goal
from palleto.program import queue_empty
from palleto.replay import evidence

FILES = 8


@goal(
    "A file comes every three or four seconds, and takes half a second. Let no file be older than a second when it is "
    "done, and make no more than two receives a file. All consumers share one loop, as in step 9.",
    hint="Who waits better for a message: a loop that sleeps and then asks, or a receive that SQS answers when one comes?",
    why="A receive that waits long costs one request, and is answered in the moment in which a message comes.",
    files=FILES,
    rate=0.3,
    until=queue_empty,
    seeds=20,
    seconds=60,
    simulation=Simulation(receive=0.02, delete=0.01, get_object=0.5),
)
def awake(trace):
    found = Measured.of(trace)
    if found.done < FILES:
        return f"{found.done} of {FILES} results are written"
    if found.latency[-1] > 1:
        sent = {key: event.t for event in evidence.every(trace, kind="sent") for key in event.ids}
        written = evidence.every(trace, kind="written")
        oldest = max(written, key=lambda event: event.t - sent[event.ids[0]])
        return f"a file is {found.latency[-1]:.1f} s old when it is done", oldest
    polls = evidence.every(trace, kind="receive", before=evidence.last(trace, kind="written").t)
    if len(polls) > 2 * FILES:
        return f"{len(polls)} receives for {FILES} files", polls[-1]
    return None
