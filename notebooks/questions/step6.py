"""The questions of step 6, each a function of its name: its answer by the run, and the way there."""

from palleto.lab.questions import question
from palleto.replay import evidence


@question(
    "The consumer has consumed all twelve files. Where are their messages?",
    choices=["visible in the queue", "in flight", "deleted", "in the dead-letter queue"],
    look="the colours of the queue's panel, from the first poll to the last file",
    hint="Whoever receives a message hides it from the others. Who deletes it?",
    why="They were received and hidden, and nobody deletes them. They stay in flight for the visibility timeout.",
)
def messages(trace):
    done = evidence.consumed(trace).event
    receive = evidence.first(trace, kind="receive", before=done.t)
    if evidence.count(trace, kind="delete"):
        return "deleted", evidence.first(trace, kind="delete")
    hidden = done.t - receive.t < receive.data["visibility"]
    return "in flight" if hidden else "visible in the queue", done


@question(
    "By then, how often has the producer heard a demand of ten?",
    look="the producer's line in the demand panel: each step up is a demand",
    hint="A consumer asks again when all ten events have been handled.",
    why="Once at the start, and once after the first ten events. Two files are not enough for a third.",
)
def demands(trace):
    return evidence.tally(trace, kind="handle_demand")


@question(
    "A message is hidden for 30 s. When does the loop receive one a second time?",
    look="the first triangle in the figure of `back`: a message that is received again",
    hint="When was the first one received, and how often does a loop look that finds nothing?",
    why="The first are visible again 30 s after their receive. The loop looks when its sleep is over, a little later.",
    unit="s",
    tolerance=4,
    under="What happened",
)
def comes_back(trace):
    receives = evidence.every(trace, kind="receive")
    return next(event for event in receives if max(event.data["counts"], default=1) > 1)


@question(
    "Nobody deletes the messages. How often is each file consumed, before the queue is empty?",
    choices={"once": 1, "twice": 2, "three times": 3, "for ever: it is never empty": 0},
    look="how many times the messages are in flight, in the figure of `whole`",
    hint="The queue counts how often it hands out a message, and has a limit.",
    why="After three receives SQS gives up on a message and moves it to the dead-letter queue.",
    under="What happened",
)
def how_often(trace):
    return evidence.tally(trace, kind="handled", last=True, text="20160720.gz")
