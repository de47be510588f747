"""The faults of the talk's original, by the rows of its table: what a message says is understood, whatever comes.

Ours has none of them. Each test runs its check a second time on a small re-creation of the original's fault, and the
check must fail there.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from rig import PREFIX, event_of, fails, files, gz

from palleto.cloud.queue import Leases
from palleto.cloud.template import parse, template_text
from steps import step9

BUCKET = "warehouse.development"


def test_row_1_the_test_event_stalls_nothing(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        one = rig(files(3))
        one.perform()
        one.check_all_done()
        assert one.ledger.sent == one.ledger.deleted == 4

    check()
    parse, start_task = step9.Server.parse, step9.Server.start_task

    def without_test_event(message: dict[str, Any]) -> list[Any]:
        if "s3:TestEvent" in message["Body"]:
            raise KeyError("Records")
        return parse(message)

    monkeypatch.setattr(step9.Server, "parse", staticmethod(without_test_event))
    monkeypatch.setattr(step9.Server, "start_task", lambda self, function, **_: start_task(self, function))
    fails(check)


def test_row_4_a_receive_of_several_messages_is_parsed(rig: Any) -> None:
    def check(**sqs: Any) -> None:
        one = rig(files(12), step=6, sqs=sqs, deadline=20)
        one.perform(seconds=20)
        consumed = {key for event in one.run.kinds("handled") if event.data["last"] for key in event.ids}
        assert consumed == {f"{BUCKET}/{key}" for key in one.files}
        assert max(len(event.ids) for event in one.run.kinds("receive")) > 2

    check()

    async def only_one(client: Any, **arguments: Any) -> Any:
        answer = await client.receive_message(**arguments)
        return answer if len(answer.get("Messages", [])) == 1 else {}

    fails(lambda: check(receive_message=only_one))


def test_row_5_every_record_of_a_message_is_used(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    two = {"two/a.gz": gz(1), "two/b.gz": gz(2)}  # outside the prefix, so that S3 announces neither

    def check() -> None:
        one = rig(two, [event_of(BUCKET, *two)])
        one.perform()
        one.check_all_done()

    check()
    parse = step9.Server.parse
    monkeypatch.setattr(step9.Server, "parse", staticmethod(lambda message: parse(message)[:1]))
    fails(check)


def test_row_6_keys_are_decoded(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        one = rig({f"{PREFIX}2016 07+20.gz": gz(3), f"{PREFIX}100%25 日本/ü.gz": gz(4)})
        one.perform()
        one.check_all_done()

    check()
    monkeypatch.setattr(step9, "unquote_plus", str)
    fails(check)


def check_template(text: str) -> None:
    found = parse(text)["Resources"]
    queues = [each["Properties"] for each in found.values() if each["Type"] == "AWS::SQS::Queue"]
    assert {queue["MessageRetentionPeriod"] for queue in queues} == {14 * 24 * 3600}
    assert sum("RedrivePolicy" in queue for queue in queues) == 1  # row 12 too
    policies = [each["Properties"]["PolicyDocument"] for each in found.values() if each["Type"].endswith("QueuePolicy")]
    (statement,) = [statement for policy in policies for statement in policy["Statement"]]
    assert statement["Principal"] == {"Service": "s3.amazonaws.com"}
    assert statement["Action"] == "sqs:SendMessage"
    assert set(statement["Condition"]) == {"ArnEquals", "StringEquals"}


def test_row_13_the_queue_takes_messages_of_s3_only_and_keeps_them_for_14_days() -> None:
    text = template_text()
    check_template(text)
    assert text == (Path(__file__).parents[2] / "localstack/pipeline.yaml").read_text()
    fails(lambda: check_template(text.replace("1209600", "600")))
    fails(lambda: check_template(text.replace("Service: s3.amazonaws.com", "'*'")))


def test_row_17_one_bad_message_costs_the_other_nine_nothing(rig: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def check() -> None:
        one = rig(files(9), ["not JSON", "[" * 100_000])
        one.perform(pipelines=12)
        assert not one.late
        assert len(one.results) == 9
        assert one.run.summary.redelivered == 2 * 2
        assert one.ledger.dead_lettered == 2
        assert one.run.kinds("loop_crashed") == []

    check()
    for name in ("take", "glance"):
        monkeypatch.setattr(Leases, name, lambda self, message, parse: parse(message))
    fails(check)
