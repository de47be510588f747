"""The questions of step 8, each a function of its name: its answer by the run, and the way there."""

from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "The producer hears of its second demand. How far is the first file by then?",
    choices=["received", "downloaded", "written"],
    look="the lanes around the producer's second demand: who has acted before it?",
    hint="The producer hears what the ProducerConsumer asks, not what the Consumer asks.",
    why="The ProducerConsumer passes the file on, and asks at once. The Consumer has not counted yet.",
    shuffle=False,
)
def demand(trace):
    second = evidence.every(trace, kind="handle_demand")[1]
    marks = {"received": "events", "downloaded": "download", "written": "written"}
    done = [word for word, kind in marks.items() if evidence.first(trace, kind=kind).seq < second.seq]
    return done[-1], second


@question(
    "In `slow` the first file is downloaded at 1 s, and the Consumer is done with it at 3 s. When does the second "
    "download begin?",
    look="the figure of `slow`: what is in flight while the Consumer works",
    hint="The Consumer asks for one file, and again when that is done. Who may work without being asked?",
    why="The second message is there at 1 s. The ProducerConsumer touches it when the Consumer asks, at 3 s.",
    unit="s",
    tolerance=0.1,
    under="What happened",
)
def begins(trace):
    return evidence.every(trace, kind="handle_events", stage="ProducerConsumer")[1]


@question(
    "In step 7 a request brought up to ten messages. How many does one bring here, at most?",
    choices=[1, 2, 10],
    look="the lane of a loop: what does a poll bring, and what was it to find?",
    hint="A loop asks SQS for as many messages as the producer has to get.",
    why="The demand is 1, so each file costs a receive request of its own. Step 9 asks for more at a time.",
)
def polls(trace):
    most = max(evidence.every(trace, kind="receive"), key=lambda event: len(event.ids))
    return len(most.ids), most


@question(
    "Which comes first: the result is written, or the message is deleted?",
    choices=["written", "deleted"],
    look="the Consumer's lane: its first file, step by step",
    hint="Think of step 7's power cut.",
    why="If the program dies in between, the file is counted again, and the same result replaces the first.",
)
def order(trace):
    written = evidence.first(trace, kind="written")
    delete = evidence.first(trace, kind="delete", stage=written.stage)
    return ("written", delete) if written.seq < delete.seq else ("deleted", written)
