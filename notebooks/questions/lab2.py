"""The questions of lab 2, answered by the runs, and the way to each answer. A function's name is its question's."""

from palleto.lab.questions import question
from palleto.replay import evidence, verdict

RUNGS = ["kill -9", "cancel", "stop polling", "drain", "drain and give back"]


def ended(trace):
    """The moment at which the worker is told to end."""
    return evidence.first(trace, kind="report", text="the worker is ended")


def again(trace):
    """The receives of messages that had been received before."""
    return [event for event in evidence.every(trace, kind="receive") if any(count > 1 for count in event.data["counts"])]


@question(
    "The worker vanishes with files in hand, and the next one starts at once. "
    "After how many seconds does it get the last of their messages?",
    choices=[0, 10, 30, 60],
    tolerance=9,
    unit="s",
    look="the queue in the player: how long is a message hidden?",
    hint="Who could tell the queue that nobody works on them any more?",
    why="Nobody tells the queue. Each message stays hidden until its visibility timeout ends.",
)
def back(traces):
    trace = traces["kill -9"]
    last = again(trace)[-1]
    return last.t - ended(trace).t, last


@question(
    "In the moment of its end the worker has written a result, and has not deleted the message yet. "
    "Which is the first rung, from below, on which no file is done twice?",
    choices=RUNGS,
    shuffle=False,
    look="the files that are done twice, rung by rung",
    hint="What does a stage that is cancelled do with the rest of its callback?",
    why="Whoever may finish the callback that runs deletes what it has written. A cancelled one does not.",
)
def twice(traces):
    first = next(name for name in RUNGS if verdict(traces[name]).count("done twice")[1] == 0)
    return first, ended(traces[first])


@question(
    "A drain has two seconds, and a file takes four. When does the next worker get what the drain did not finish?",
    choices={
        "as soon as it has started": "at once",
        "a visibility timeout later": "later",
        "never: it is lost": "never",
    },
    look="the last receive of the rung called drain",
    hint="A heartbeat keeps a message hidden, and then its worker ends. Who shows it again?",
    why="The deadline ends the worker, and tells the queue nothing. So it is hidden for as long as after a kill.",
)
def unfinished(traces):
    late = again(traces["drain"])
    if not late:
        return None
    gone = evidence.first(traces["drain"], kind="report", text="is gone")
    return ("later" if late[-1].t - gone.t > 10 else "at once"), late[-1]


@question(
    "Three workers are deployed three times in a row, with `kill -9`. Nothing is wrong with any file, and each "
    "worker has a successor at once. What becomes of the files in the end?",
    choices={
        "all are done": "done",
        "some are never done: they are dead letters": "dead-lettered",
        "some are lost without a trace": "lost",
    },
    look="what the queue does with a message that it hands out once more",
    hint="What does the queue count, and what does it not know?",
    why="The queue counts receives. It cannot know that three workers died, and not of this file.",
    under="The deploy",
)
def dead(trace):
    found = verdict(trace)
    worst = next((one for one in found.files if one.fate in ("lost", "dead-lettered")), None)
    return (worst.fate, worst.event) if worst else ("done", evidence.last(trace, kind="written"))


@question(
    "The same deploys, drained and given back, with a deadline longer than any file. "
    "How many messages come again?",
    choices={"none": 0, "as many as with kill -9": 2, "fewer than with kill -9": 1},
    look="how often each message is received",
    hint="What is left to give back when a drain has ended by itself?",
    why="All that was received is done before its worker goes. Nothing is received twice, so nothing is counted twice.",
    under="What prevents it",
)
def enough(traces):
    here, there = len(again(traces["a longer deadline"])), len(again(traces["kill -9"]))
    event = (again(traces["a longer deadline"]) or evidence.every(traces["a longer deadline"], kind="receive"))[-1]
    return (0 if here == 0 else 1 if here < there else 2), event
