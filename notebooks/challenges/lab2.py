"""The challenge of lab 2, and how it is judged. Each is a function; its name is the challenge's."""

from palleto.cloud import Simulation
from palleto.lab.challenges import goal
from palleto.replay import evidence


@goal(
    "This consumer deletes messages five at a time. When the run ends, what it has gathered is done, is given back all "
    "the same, and will be done again. Let nothing that is done be left in the queue, and keep the batches of five.",
    hint="A drain tells each stage when nothing will come any more, by calling one of its callbacks.",
    why="`handle_drain` is the last moment at which a stage can hand on what it holds.",
    files=20,
    seconds=3,
    simulation=Simulation(get_object=(0.1, 0.4)),
    seeds=15,
)
def gathered(trace):
    states, files = {}, {}
    for event in evidence.every(trace, kind="message"):
        (message,) = event.ids
        states[message] = event
        files[message] = event.data.get("names") or files.get(message, [])
    written = {key for event in evidence.every(trace, kind="written") for key in event.ids}
    left = [
        event
        for message, event in states.items()
        if event.data["state"] != "deleted" and any(name.partition("/")[2] in written for name in files[message])
    ]
    if left:
        return f"{len(left)} files are done, and their messages are still in the queue", left[0]
    if len(written) < 6:
        return f"only {len(written)} files are done in 3 s"
    deletes = [event for event in evidence.every(trace, kind="delete") if event.data["deleted"]]
    if len(deletes) > len(written) / 5 + 2:  # S3's test message has its own, and so has the rest at the end
        return f"{len(deletes)} requests delete {len(written)} messages: keep the batches of five", deletes[-1]
    return None
