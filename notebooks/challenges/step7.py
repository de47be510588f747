"""The challenge of step 7, and how it is judged. Each function's name is the challenge's."""

import json
import re

from palleto.cloud import samples
from palleto.lab.challenges import goal
from palleto.replay import evidence

KEYS = [sample.key for sample in samples(4)]


async def announce(run):
    """Let S3 announce all files once more: that it says something twice is rare, and happens."""
    warehouse = run.performance.warehouse
    for key in KEYS:
        body = json.dumps({"Records": [{"s3": {"bucket": {"name": warehouse.bucket}, "object": {"key": key}}}]})
        await warehouse.cloud.monitor.sqs.send_message(QueueUrl=warehouse.queue_url, MessageBody=body)


def kill_consumer(run):
    run.kill_stage(run.stages[-1])


@goal(
    "S3 may announce a file twice. It does so here: at once, again after some seconds, and once more when the consumer "
    "has been killed and started anew. Never consume a file twice that was consumed, and let no message stay in the "
    "queue.",
    hint="Who knows what is done, and outlives the consumer? And may one batch name a file twice?",
    why="The keys of what is done are with the server, which the consumer's crash does not touch.",
    files=4,
    seconds=20,
    during={0.0: announce, 6.0: announce, 9.0: kill_consumer, 10.0: announce},
)
def once(trace):
    done = set()
    for event in evidence.every(trace, kind="said", text="Consumed by"):
        begun = evidence.last(trace, kind="handle_events", stage=event.stage, before=event.t)
        if begun is None or event.t - begun.t < 0.99:
            return "a batch is consumed in less than a second", event
        for key in re.findall(r"packrat/[^,\s]+", event.data["text"]):
            if key in done:
                return f"a file that was consumed is consumed again: {key}", event
            done.add(key)
    if len(done) < len(KEYS):
        return f"{len(KEYS) - len(done)} of {len(KEYS)} files are not consumed"
    states = {event.ids[0]: event for event in evidence.every(trace, kind="message")}
    left = [event for event in states.values() if event.data["state"] != "deleted"]
    if left:
        return f"{len(left)} messages stay in the queue", left[-1]
    return None
