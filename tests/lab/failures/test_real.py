"""Trials on LocalStack, each beside the simulated one."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

import palleto
from palleto.cloud import deploy, open_cloud
from palleto.errors import SettingError
from palleto.lab.failures import FAILURES, failure, on_localstack, pairs
from palleto.program import messages_in


async def left() -> tuple[float, int, list[str]]:
    """LocalStack's visibility timeout, its messages and dead letters, and the keys in its bucket."""
    async with open_cloud("localstack") as cloud:
        stack = await deploy(cloud)
        found = await cloud.monitor.s3.list_objects_v2(Bucket=stack.bucket)
        there = [
            await messages_in(SimpleNamespace(cloud=cloud), url) for url in (stack.queue_url, stack.dead_letter_url)
        ]
        return stack.visibility_timeout, sum(there), [entry["Key"] for entry in found["Contents"]]


@pytest.mark.localstack
def test_on_localstack_a_fault_comes_to_what_it_comes_to_simulated(localstack: str):
    found = on_localstack("corrupt gzip", "access denied on delete", steps=["talk 8"])
    assert found is not None
    assert [pair.row for pair in found] == [
        ("corrupt gzip", "talk 8", "stuck", "stuck", ""),
        ("access denied on delete", "talk 8", "ended", "ended", ""),
    ]
    assert repr(found).splitlines()[-1] == "2 of 2 come to the same on LocalStack"
    visibility, messages, keys = palleto.run(left)
    assert (visibility, messages) == (30, 0)
    assert {*keys}.isdisjoint(failure("corrupt gzip").objects)


@pytest.mark.localstack
def test_localstack_that_answers_asks_for_names(localstack: str, capsys: pytest.CaptureFixture[str]):
    assert on_localstack() is None
    assert capsys.readouterr().out.startswith(f"localstack answers at {localstack}; name faults: on_localstack(")


def test_without_localstack_one_line_says_how_to_start_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("LOCALSTACK_HOST", "127.0.0.1:1")
    assert on_localstack("TestEvent") is None
    (said,) = capsys.readouterr().out.splitlines()
    assert said.startswith("expected LocalStack at http://127.0.0.1:1, got no answer; start it: ")
    assert "leave" not in said
    with pytest.raises(SettingError, match="got no answer"):
        next(pairs(FAILURES, ["8"]))
