"""The challenges of lab 1, and how they are judged. Each function's name is the challenge's."""

from palleto.cloud.faults import Faults
from palleto.lab.challenges import goal
from palleto.lab.failures import Failure
from palleto.program import queue_empty
from palleto.replay import verdict

UNREADABLE = Failure("", "", fresh=True, bodies=["no JSON"], files=4)
FEW = Failure("", "", files=4)


def told(one):
    return f"a file is {one.fate}: {one.why}", one.event


@goal(
    "Repair the talk's server. S3's test message is in the queue, another message that is no JSON, and the answer to "
    "the first receive gets lost. Let every file be done, and nothing be lost or stuck.",
    hint="Which messages may the loop pass over, and what does `start_task` take beside the loop?",
    why="A bad message costs nobody but itself, and a loop that crashes is started again.",
    files=0,
    prepare=UNREADABLE.prepare,
    faults=Faults().lose_answer("sqs.ReceiveMessage", at=1),
    until=queue_empty,
    seeds=20,
    seconds=240,
)
def server(trace):
    found = verdict(trace)
    undone = next((one for one in found.files if one.fate not in ("done once", "done twice", "delayed")), None)
    if undone is not None:
        return told(undone)
    if len(found.files) < UNREADABLE.files:
        return f"{len(found.files)} of {UNREADABLE.files} files are found"
    return None if found else (found.line, found.gravest.event)


@goal(
    "Repair the talk's results. SQS does not delete the first message, so its file is done twice. Let its result be "
    "that of a file that is done once.",
    hint="What should become of the count that stands there already?",
    why="A result that is replaced, not added to, may be written any number of times.",
    files=0,
    prepare=FEW.prepare,
    faults=Faults().refuse(at=1),
    until=queue_empty,
    seeds=20,
    seconds=120,
)
def results(trace):
    found = verdict(trace)
    wrong = next((one for one in found.files if one.differs or one.fate not in ("done once", "done twice")), None)
    if wrong is not None:
        return told(wrong)
    if not any(one.fate == "done twice" for one in found.files):
        return "no file was done twice: do not touch the deletes"
    return None
