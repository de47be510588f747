"""The questions of lab 1, each a function of its name: its answer by the run, and the way there."""

from palleto.lab.questions import question
from palleto.replay import evidence, verdict

FATES = ["done once", "delayed", "dead-lettered", "stuck"]


@question(
    "In the queue of a new stack S3's test message waits, and behind it six files. What becomes of the files?",
    choices=FATES,
    look="the first receive, and what the loop does next",
    hint=["Which field does the talk's code read in every message?", "Who starts a loop that has crashed?"],
    why="The loop dies on a message without `Records`, and only new demand would start another. Nobody asks anew.",
)
def test_event(trace):
    found = verdict(trace).gravest
    return found.fate, found.event


@question(
    "The consumer has written a file's result, and crashes before it deletes the message. What stands in the result "
    "at the end?",
    choices={"the count, once": False, "the count, twice": True, "nothing": None},
    look="the last time that the file is written",
    hint="How often does SQS hand the message out, and what does `append` do with a file that is there?",
    why="The message comes back, the file is done again, and its count is added to the one that stands there.",
    under="What happened",
)
def appended(trace):
    often = [one for one in verdict(trace).files if one.fate == "done twice"]
    return (often[0].differs, often[0].event) if often else (False, evidence.last(trace, kind="written"))


@question(
    "In our step 9 a download takes longer than the visibility timeout. How often is that file's message received?",
    choices=[1, 2, 3],
    look="the message's way through the queue: how long is it in flight?",
    hint="What does a lease do every ten seconds?",
    why="Its time is extended for as long as it is in hand, so nobody else gets it.",
    under="What happened",
)
def slow(trace):
    receives = evidence.every(trace, kind="receive")
    return max(times for event in receives for times in event.data["counts"]), receives[-1]
