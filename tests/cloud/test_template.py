from __future__ import annotations

from typing import Any

import pytest

from palleto.cloud.template import Account, Plan, parse, resolve, template_file, template_text
from palleto.errors import SettingError

ACCOUNT = Account("123456789012", "eu-west-1")


def plan(**given: str) -> Plan:
    return resolve(parse(template_text()), given, ACCOUNT, "a-stack", lambda name: f"url of {name}")


@pytest.mark.parametrize("name", ["pipeline.yaml", "worker-policy.yaml"])
def test_our_templates_pass_cfn_lint(name: str) -> None:
    """Checked with cfn-lint, which moto[cloudformation] brings; its hints (I...) come and go with its versions."""
    from cfnlint.api import lint_all  # type: ignore[import-untyped]

    found = [str(match) for match in lint_all(template_file(name).read_text())]
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
        ("Resources: {A: {Type: T, Properties: {P: !Ref B}}, B: {Type: T, Properties: {P: !Ref A}}}", "circle"),
        ("Resources: {A: {Type: T, Properties: {P: !Base64 x}}}", "got Fn::Base64"),
        ("Resources: {A: {Type: T, Properties: {P: !Join [a, b]}}}", "expected !Join of one word"),
        ("Resources: {A: {Type: T, Condition: C}}", "expected condition C of a template as Fn::Equals, got None"),
        ("{Conditions: {C: {'Fn::Not': [1]}}, Resources: {A: {Type: T, Condition: C}}}", "C of a template as Fn::Eq"),
    ],
)
def test_a_template_that_cannot_be_read(text: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        resolve(parse(text), {}, ACCOUNT, "a-stack")


def test_a_parameter_that_is_not_there() -> None:
    with pytest.raises(SettingError, match=r"got \['Colour'\]"):
        plan(Colour="red")


def denied(found: Plan) -> list[tuple[str, Any]]:
    """What the policies of a plan deny: the type of each, and of which things."""
    policies = [each for each in found.resources if each.type.endswith("Policy")]
    statements = [(each.type, said) for each in policies for said in each.properties["PolicyDocument"]["Statement"]]
    assert all(said["Condition"] for _, said in statements)
    return [(kind, said["Resource"]) for kind, said in statements if said["Effect"] == "Deny"]


def test_plain_http_is_denied_unless_it_is_allowed() -> None:
    queue, bucket = "arn:aws:sqs:eu-west-1:123456789012:warehouse_raw_events", "arn:aws:s3:::warehouse.development"
    assert sorted(denied(plan()), key=str) == [
        ("AWS::S3::BucketPolicy", [bucket, f"{bucket}/*"]),
        ("AWS::SQS::QueuePolicy", queue),
        ("AWS::SQS::QueuePolicy", f"{queue}_dead_letters"),
    ]
    allowed = plan(PlainHttp="allowed")
    assert denied(allowed) == []
    assert len(allowed.resources) == len(plan().resources) - 2
    with pytest.raises(SettingError, match="expected PlainHttp to match"):
        plan(PlainHttp="maybe")


def test_what_has_no_value_is_left_out() -> None:
    text = "{A: {Type: T, Properties: {P: !Ref AWS::NoValue, Q: [1, !Ref AWS::NoValue], R: 0}}}"
    (resource,) = resolve(parse(f"Resources: {text}"), {}, ACCOUNT, "a-stack").resources
    assert resource.properties == {"Q": [1], "R": 0}
