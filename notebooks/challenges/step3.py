"""The challenge of step 3, and how it is judged. Each is a function; its name is the challenge's."""

from palleto.lab.challenges import goal
from palleto.replay import evidence


@goal(
    'Change the form of the message to `("found", how_many, events)`, as in `("found", 10, ["hey", ...])`. Only the '
    "producer's own functions may know it: a loop calls `enqueue(events)`, as before. Thirty events are consumed in "
    "four seconds.",
    hint="The form is written where a message is made, and where it is read. Both are the producer's.",
    why="The form has changed, and no loop has noticed.",
    seconds=4,
)
def new_form(trace):
    found = 0
    for cast in evidence.every(trace, kind="cast"):
        found += len(cast.data["carried"])
        if not str(cast.data.get("by")).endswith(".enqueue"):
            return f"`{cast.data.get('by')}` casts a message, and must know its form", cast
        if cast.ids[:2] != ("found", str(len(cast.data["carried"]))) or len(cast.ids) != 3:
            return f"a message is `({', '.join(cast.ids):.40}...)`", cast
    crash = evidence.first(trace, kind="crash")
    if crash is not None:
        return f"{crash.stage} crashes: {crash.data['reason']}", crash
    done = evidence.consumed(trace)
    if done.value > found:
        return f"{done.value} events are consumed, and the messages carried {found}", done.event
    return None if done.value >= 30 else (f"{done.value} events are consumed in four seconds, not thirty", done.event)
