"""The challenges of step 9, and how each is judged. Each is a function; its name is the challenge's."""

from palleto.cloud import Simulation
from palleto.cloud.faults import Faults
from palleto.lab.challenges import goal
from palleto.program import queue_empty
from palleto.replay import evidence


@goal(
    "Fourteen files are in the queue, the network fails three times, and each request takes as long as it likes. Let "
    "no schedule stall the three pipelines: every run ends with an empty queue.",
    hint="Who starts a loop that has crashed? And what does the producer owe when a killed loop has sent one too many?",
    why="A loop that crashes starts again, and what the producer owes is never below zero.",
    files=14,
    until=queue_empty,
    seeds=40,
    seconds=40,
    simulation=Simulation(receive=(0.1, 0.2), get_object=(0.1, 0.2)),
    faults=Faults().fail("sqs.ReceiveMessage", "ConnectionClosedError", at=(4, 5, 6)),
)
def no_stall(trace):
    written = evidence.tally(trace, kind="written")
    return None if written.value >= 14 else (f"{written.value} of 14 results are written", written.event)


@goal(
    "Step 9 makes more than two requests to SQS for a file: a receive each, and a delete. Get by with half: 13 for "
    "twelve files, and all results written within five seconds. A message is deleted when its result is written, not "
    "before.",
    hint="What does a receive bring, if a pipeline asks for more than one file? And what does `release` take?",
    why="Who asks for several files shares one receive and one delete among them.",
    files=12,
    until=queue_empty,
    seeds=50,
    seconds=40,
    simulation=Simulation(get_object=(0.5, 1.5)),
)
def half(trace):
    requests = [event for kind in ("receive", "delete", "visibility") for event in evidence.every(trace, kind=kind)]
    written = {event.ids[0]: event for event in evidence.every(trace, kind="written")}
    messages = evidence.every(trace, kind="message")
    names = {event.ids[0]: event.data["names"] for event in messages if "names" in event.data}
    for event in messages:
        for name in names.get(event.ids[0], []) if event.data["state"] == "deleted" else []:
            done = written.get(name.partition("/")[2])
            if done is None or done.seq > event.seq:
                return f"a message is deleted before its result is written: {name}", event
    if len(written) < 12:
        return f"{len(written)} of 12 results are written"
    last = evidence.last(trace, kind="written")
    if last.t > 5:
        return f"the last result is written at {last.t:.1f} s", last
    if len(requests) > 13:
        return f"{len(requests)} requests to SQS for 12 files", max(requests, key=lambda event: event.seq)
    return None
