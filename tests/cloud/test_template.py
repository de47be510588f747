from __future__ import annotations

import pytest

from palleto.cloud.template import Account, Plan, bucket_notification, parse, resolve, template_text
from palleto.errors import SettingError

ACCOUNT = Account("123456789012", "eu-west-1")


def plan(**given: str) -> Plan:
    return resolve(parse(template_text()), given, ACCOUNT, "a-stack", lambda name: f"url of {name}")


def test_the_template_asks_for() -> None:
    found = plan(Environment="test")
    assert [resource.logical_id for resource in found.resources] == [
        "DeadLetters",
        "RawEvents",
        "RawEventsPolicy",
        "Warehouse",
    ]
    dead, queue = found.of_type("AWS::SQS::Queue")
    assert dead.properties["QueueName"] == "warehouse_raw_events_dead_letters"
    assert queue.properties["QueueName"] == "warehouse_raw_events"
    assert queue.properties["RedrivePolicy"] == {
        "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:123456789012:warehouse_raw_events_dead_letters",
        "maxReceiveCount": "3",
    }
    for each in (dead, queue):
        assert each.properties["MessageRetentionPeriod"] == 14 * 24 * 3600
        assert each.properties["SqsManagedSseEnabled"] is True
    assert queue.properties["VisibilityTimeout"] == "30"
    (bucket,) = found.of_type("AWS::S3::Bucket")
    assert bucket.properties["BucketName"] == "warehouse.test"
    assert bucket_notification(bucket.properties) == {
        "QueueConfigurations": [
            {
                "QueueArn": "arn:aws:sqs:eu-west-1:123456789012:warehouse_raw_events",
                "Events": ["s3:ObjectCreated:*"],
                "Filter": {
                    "Key": {
                        "FilterRules": [
                            {"Name": "prefix", "Value": "packrat/data/"},
                            {"Name": "suffix", "Value": ".gz"},
                        ]
                    }
                },
            }
        ]
    }
    assert found.outputs["QueueUrl"] == "url of warehouse_raw_events"


def test_the_template_passes_cfn_lint() -> None:
    """Checked with cfn-lint, which moto[cloudformation] brings; its hints (I...) come and go with its versions."""
    from cfnlint.api import lint_all  # type: ignore[import-untyped]

    found = [str(match) for match in lint_all(template_text())]
    assert [match for match in found if not match.startswith("[I")] == []


@pytest.mark.parametrize("environment", ["", "Production", "a/b", "-a", "a.b", "x" * 60])
def test_an_environment_that_cannot_end_a_buckets_name(environment: str) -> None:
    with pytest.raises(SettingError, match="expected Environment to match"):
        plan(Environment=environment)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Resources: [", "expected a template in YAML"),
        ("{}", "expected a template with Resources"),
        ("Resources: {A: {Type: T, Properties: {P: !Ref B}}}", "got B"),
        ("Resources: {A: {Type: T, Properties: {P: !GetAtt A.Name}}}", "got A -> A"),
        ("Resources: {A: {Type: T, Properties: {P: !Base64 x}}}", "got Fn::Base64"),
        ("Resources: {A: {Type: T, Properties: {P: !Join [a, b]}}}", "expected !Join of one word"),
    ],
)
def test_a_template_that_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        resolve(parse(text), {}, ACCOUNT, "a-stack")


def test_a_parameter_that_is_not_there() -> None:
    with pytest.raises(SettingError, match=r"got \['Colour'\]"):
        plan(Colour="red")


def test_references_in_a_circle() -> None:
    text = "Resources: {A: {Type: T, Properties: {P: !Ref B}}, B: {Type: T, Properties: {P: !Ref A}}}"
    with pytest.raises(SettingError, match="circle"):
        resolve(parse(text), {}, ACCOUNT, "a-stack")
