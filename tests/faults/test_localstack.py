"""Step 9 on LocalStack: a thousand messages, each handled once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from worker import counts, numbered

from palleto.cloud import Cloud, Sample, Stack, upload

FILES = 1000

pytestmark = [
    pytest.mark.usefixtures("localstack_url"),
    pytest.mark.localstack,
    pytest.mark.long,
    pytest.mark.timeout(300),
]


async def prepare(cloud: Cloud, stack: Stack) -> None:
    """Empty the queues, and put the files: a run before may have left some."""
    for url in (stack.queue_url, stack.dead_letter_url):
        await cloud.monitor.sqs.purge_queue(QueueUrl=url)
    objects = (await cloud.monitor.s3.list_objects_v2(Bucket=stack.bucket)).get("Contents", [])
    if objects:
        keys = [{"Key": each["Key"]} for each in objects]
        await cloud.monitor.s3.delete_objects(Bucket=stack.bucket, Delete={"Objects": keys})
    put = await upload(cloud, stack, [Sample(key, data, 0) for key, data in numbered(1, FILES).items()])
    assert len(put) == FILES


@pytest.mark.usefixtures("localstack_url")
def test_a_backlog_of_a_thousand_on_localstack_is_done_and_nothing_comes_twice(play: Any, tmp_path: Path) -> None:
    output = tmp_path / "output"
    played = play(
        9, virtual=False, place="localstack", files=0, pipelines=8, prepare=prepare, output=output, quiet=True
    )
    results = {path.relative_to(output).as_posix(): int(path.read_text()) for path in output.rglob("*.txt")}
    assert results == counts(1, FILES)
    assert played.summary.redelivered == 0
    assert played.summary_lines[-1] == f"messages: {FILES} deleted, 0 redelivered, 0 dead-lettered"
    assert played.requests["s3.GetObject"] == FILES
    assert FILES / 10 <= played.requests["sqs.DeleteMessageBatch"] <= FILES
    assert FILES / 10 <= played.requests["sqs.ReceiveMessage"] < FILES
    assert played.reported[1:] == []
    print(f"{played.summary.seconds:.1f} s; {dict(played.requests)}")
