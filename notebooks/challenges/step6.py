"""The challenge of step 6, and how it is judged. Each function's name is the challenge's."""

import json
from urllib.parse import quote_plus

from palleto.lab.challenges import goal
from palleto.replay import evidence

MESSAGES = (
    ["one.gz"],
    ["two.gz", "three.gz"],
    ["four.gz", None],
    [None, "a space, and a + in it.gz"],
    [None],
    ["six.gz", "seven.gz"],
)
"""The files that each message names; None is a record that names none."""

FILES = sorted(name for names in MESSAGES for name in names if name)


async def send(run):
    """Put messages into the queue, as S3 would write them."""
    warehouse = run.performance.warehouse
    for names in MESSAGES:
        objects = [{"key": quote_plus(name)} if name else {} for name in names]
        records = [{"s3": {"bucket": {"name": warehouse.bucket}, "object": one}} for one in objects]
        body = json.dumps({"Records": records})
        await warehouse.cloud.monitor.sqs.send_message(QueueUrl=warehouse.queue_url, MessageBody=body)


@goal(
    "A message may name two files, and one record of it may name none: its `object` has no `key`. Have the consumer "
    "consume every file that is named, once, whatever stands beside it in its message.",
    hint="Each record has an answer of its own: an event, or nothing.",
    why="What cannot be read costs itself alone, not the file beside it.",
    files=0,
    seconds=25,
    during={0.0: send},
)
def two_files(trace):
    done = [(name, event) for event in evidence.every(trace, kind="handled", last=True) for name in event.ids]
    files = [name.partition("/")[2] for name, _ in done]
    for number, (_, event) in enumerate(done):
        if files[number] not in FILES:
            return f"the consumer got a file that nobody named: {files[number]}", event
        if files[number] in files[:number]:
            return f"a file is consumed a second time: {files[number]}", event
    missing = [name for name in FILES if name not in files]
    if missing:
        return f"{len(missing)} of {len(FILES)} files are not consumed, such as {missing[0]}"
    return None
