"""The questions of step 9, each a function of its name: its answer by the run, and the way there."""

from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "Each pipeline asks for 1. What does the producer ask the server for, just before the first event comes?",
    choices=[1, 2, 3, 10],
    look="the producer's lines before the first event: `Asking for`",
    hint="The three ask one after the other, and no event comes in between.",
    why="The producer adds to `owed`: 1, then 2, then 3. One loop looks for all three.",
)
def asks(trace):
    first = evidence.first(trace, kind="emitted", stage="SQS.Producer")
    asked = [event for event in evidence.every(trace, kind="said", text="Asking for") if event.seq < first.seq]
    return evidence.number_in(asked[-1], "Asking for"), asked[-1]


@question(
    "Which pipeline gets the first file?",
    choices=["Pipeline1", "Pipeline2", "Pipeline3"],
    look="the first event that leaves the producer, in the lanes",
    hint="The dispatcher serves the largest demand first. All are 1; who of equals has asked first?",
    why="Of equal demands the one that asked first is served first, and Pipeline1 was started first.",
)
def gets_first(trace):
    first = evidence.first(trace, kind="emitted", stage="SQS.Producer")
    return first.peer.removesuffix("ProducerConsumer"), first


@question(
    "One pipeline needs 60 s for sixty files of 1 s each. How long do three need?",
    choices={"10 s": 10, "20 s": 20, "40 s": 40, "60 s": 60},
    look="the run with three pipelines in the figure of scaling",
    hint="How many downloads go on at a time?",
    why="Three downloads go on at a time, and one poll finds files for all three.",
    tolerance=3,
    under="What happened",
)
def how_long(trace):
    return evidence.last(trace, kind="written")


@question(
    "With twelve pipelines, are there more receive requests for sixty files than with one, fewer, or as many?",
    choices=["more", "fewer", "as many"],
    look="the receives of a file in the figure of scaling",
    hint=[
        "All twelve downloads end in the same moment. What does the producer ask for then?",
        "How many loops look for it?",
    ],
    why="Twelve demands become one sum, and one request brings up to ten messages.",
    under="What happened",
)
def requests(traces):
    one, many = evidence.count(traces[1], kind="receive"), evidence.tally(traces[12], kind="receive")
    return "more" if many.value > one else "fewer" if many.value < one else "as many", many.event
