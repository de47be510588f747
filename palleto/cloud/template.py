"""The CloudFormation template, read and resolved: which resources it asks for, with which properties.

A small part of CloudFormation's language, and an error for the rest: `Ref`, `Fn::GetAtt` (of an `Arn`), `Fn::Sub`,
`Fn::If`, conditions with `Fn::Equals`, parameters with defaults, and the pseudo parameters. It serves the simulated
CloudFormation, and `deploy`, which completes what an emulator drops from the template.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from palleto.errors import SettingError

Properties = dict[str, Any]
NAMES = {"AWS::SQS::Queue": "QueueName", "AWS::S3::Bucket": "BucketName"}  # the property that names a resource


@dataclass(frozen=True)
class Account:
    """What a template's pseudo parameters say: whose account, and where."""

    id: str = "000000000000"
    region: str = "us-east-1"
    partition: str = "aws"

    @classmethod
    def of(cls, arn: str) -> Account:
        """The account that a resource's ARN names.

        >>> Account.of("arn:aws:sqs:eu-west-1:123456789012:a_queue")
        Account(id='123456789012', region='eu-west-1', partition='aws')
        """
        _, partition, _, region, account, *_ = arn.split(":")
        return cls(account, region, partition)


@dataclass(frozen=True)
class Resource:
    """One resource of a template, its properties resolved."""

    logical_id: str
    type: str
    properties: Properties


@dataclass(frozen=True)
class Plan:
    """What a template comes to: its resources, each after those that it needs, and its outputs."""

    resources: tuple[Resource, ...]
    outputs: dict[str, str]
    parameters: dict[str, str]

    def of_type(self, kind: str) -> list[Resource]:
        """The resources of one type, in order."""
        return [resource for resource in self.resources if resource.type == kind]


def template_file(name: str) -> Path:
    """A file of `localstack/`: there in a checkout, in `assets` beside this module in an installed package."""
    here = Path(__file__).resolve().parent
    for path in (here / "assets" / name, here.parents[1] / "localstack" / name):
        if path.is_file():
            return path
    raise SettingError(f"expected {name} in {here / 'assets'}, got nothing; install palleto again")


def template_text() -> str:
    """The one template."""
    return template_file("pipeline.yaml").read_text(encoding="utf-8")


@lru_cache(maxsize=4)  # 40 ms, and a run on the simulated place takes 20
def parse(text: str) -> Mapping[str, Any]:
    """A template's YAML or JSON, with CloudFormation's short forms (`!Ref`) spelt out. It is shared: only read it."""
    import yaml

    class Loader(yaml.SafeLoader):
        """YAML with CloudFormation's tags."""

    def short_form(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
        if not isinstance(node, yaml.ScalarNode):
            raise SettingError(f"expected !{suffix} of one word in a template, got a list or a map")
        value: Any = loader.construct_scalar(node)
        if suffix == "GetAtt":
            return {"Fn::GetAtt": value.split(".", 1)}
        return {"Ref": value} if suffix == "Ref" else {f"Fn::{suffix}": value}

    Loader.add_multi_constructor("!", short_form)
    try:
        template = yaml.load(text, Loader)  # a SafeLoader
    except yaml.YAMLError as error:
        raise SettingError(f"expected a template in YAML, got: {' '.join(str(error).split())}") from error
    if not isinstance(template, dict) or "Resources" not in template:
        raise SettingError("expected a template with Resources, got none")
    return template


def resolve(
    template: Mapping[str, Any],
    given: Mapping[str, str],
    account: Account,
    stack_name: str,
    queue_url: Callable[[str], str] = lambda name: name,
) -> Plan:
    """The plan of a template: every reference resolved, from names alone; `queue_url` says what a queue's Ref is.

    Raises `SettingError` for an unknown parameter or reference, and for what this interpreter does not know.
    """
    return _Resolver(template, given, account, stack_name, queue_url).plan()


class _Resolver:
    def __init__(
        self,
        template: Mapping[str, Any],
        given: Mapping[str, str],
        account: Account,
        stack_name: str,
        queue_url: Callable[[str], str],
    ) -> None:
        self.resources: Mapping[str, Any] = template["Resources"]
        self.outputs: Mapping[str, Any] = template.get("Outputs", {})
        self.conditions: Mapping[str, Any] = template.get("Conditions", {})
        self.account = account
        self.queue_url = queue_url
        declared: Mapping[str, Any] = template.get("Parameters", {})
        if unknown := set(given) - set(declared):
            raise SettingError(f"expected parameters {sorted(declared)}, got {sorted(unknown)}")
        self.parameters = {name: str(given.get(name, spec.get("Default", ""))) for name, spec in declared.items()}
        for name, spec in declared.items():
            pattern = spec.get("AllowedPattern", ".*")
            if not re.fullmatch(pattern, self.parameters[name]):
                raise SettingError(f"expected {name} to match {pattern}, got {self.parameters[name]!r}")
        self.values = self.parameters | {
            "AWS::AccountId": account.id,
            "AWS::Region": account.region,
            "AWS::Partition": account.partition,
            "AWS::StackName": stack_name,
        }
        self.done: dict[str, Resource] = {}
        self.under_way: list[str] = []

    def plan(self) -> Plan:
        for logical_id, spec in self.resources.items():
            if "Condition" not in spec or self.holds(spec["Condition"]):
                self.resource(logical_id)
        outputs = {name: str(self.value(output["Value"])) for name, output in self.outputs.items()}
        return Plan(tuple(self.done.values()), outputs, self.parameters)

    def holds(self, condition: str) -> bool:
        """Whether one of the template's conditions does."""
        match self.conditions.get(condition):
            case {"Fn::Equals": [one, other]}:
                return bool(self.value(one) == self.value(other))
            case found:
                raise SettingError(f"expected condition {condition} of a template as Fn::Equals, got {found}")

    def resource(self, logical_id: str) -> Resource:
        """The resource, after those it depends on."""
        if logical_id not in self.done:
            if logical_id not in self.resources:
                raise SettingError(f"expected a resource or parameter of the template, got {logical_id}")
            if logical_id in self.under_way:
                raise SettingError(
                    f"expected no circle of references, got {' -> '.join([*self.under_way, logical_id])}"
                )
            self.under_way.append(logical_id)
            spec = self.resources[logical_id]
            depends = spec.get("DependsOn", [])
            for other in [depends] if isinstance(depends, str) else depends:
                self.resource(other)
            properties = self.value(spec.get("Properties", {}))
            self.under_way.pop()
            self.done[logical_id] = Resource(logical_id, spec["Type"], properties)
        return self.done[logical_id]

    def value(self, value: Any) -> Any:
        """A value of the template, its references resolved; None for AWS::NoValue, which a list or map leaves out."""
        if isinstance(value, list):
            return [found for item in value if (found := self.value(item)) is not None]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            ((function, argument),) = value.items()
            if function == "Ref":
                return None if argument == "AWS::NoValue" else self.ref(argument)
            if function == "Fn::If":
                condition, then, otherwise = argument
                return self.value(then if self.holds(condition) else otherwise)
            if function == "Fn::GetAtt":
                return self.attribute(*argument)
            if function == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda match: self.substitute(match[1]), argument)
            if function.startswith("Fn::"):
                raise SettingError(f"expected Ref, Fn::GetAtt, Fn::Sub or Fn::If in a template, got {function}")
        return {key: found for key, item in value.items() if (found := self.value(item)) is not None}

    def substitute(self, name: str) -> str:
        logical_id, _, attribute = name.partition(".")
        return self.attribute(logical_id, attribute) if attribute else self.ref(name)

    def ref(self, name: str) -> str:
        if name in self.values:
            return self.values[name]
        resource = self.resource(name)
        if resource.type not in NAMES:
            return name
        named: str = resource.properties[NAMES[resource.type]]
        return self.queue_url(named) if resource.type == "AWS::SQS::Queue" else named

    def attribute(self, logical_id: str, attribute: str) -> str:
        resource = self.resource(logical_id)
        if attribute != "Arn" or resource.type not in NAMES:
            raise SettingError(f"expected the Arn of a queue or bucket, got {logical_id}.{attribute}")
        name: str = resource.properties[NAMES[resource.type]]
        if resource.type == "AWS::S3::Bucket":
            return f"arn:{self.account.partition}:s3:::{name}"
        return f"arn:{self.account.partition}:sqs:{self.account.region}:{self.account.id}:{name}"


def queue_attributes(properties: Properties) -> dict[str, str]:
    """SQS's attributes for a queue's properties: the same names, every value a string.

    >>> queue_attributes({"QueueName": "q", "VisibilityTimeout": 30, "SqsManagedSseEnabled": True})
    {'VisibilityTimeout': '30', 'SqsManagedSseEnabled': 'true'}
    """

    def text(value: Any) -> str:
        return str(value).lower() if isinstance(value, bool) else str(value)

    return {
        name: json.dumps(value) if isinstance(value, dict) else text(value)
        for name, value in properties.items()
        if name not in ("QueueName", "Tags")
    }


def bucket_notification(properties: Properties) -> Properties:
    """S3's NotificationConfiguration for a bucket's properties, whose words differ a little."""
    configurations = properties.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    return {
        "QueueConfigurations": [
            {
                "QueueArn": configuration["Queue"],
                "Events": [configuration["Event"]],
                "Filter": {"Key": {"FilterRules": configuration["Filter"]["S3Key"]["Rules"]}},
            }
            for configuration in configurations
        ]
    }


def bucket_location(region: str) -> Properties:
    """The argument of `create_bucket` that says where the bucket is; S3 wants none for us-east-1.

    >>> bucket_location("eu-west-1")
    {'CreateBucketConfiguration': {'LocationConstraint': 'eu-west-1'}}
    >>> bucket_location("us-east-1")
    {}
    """
    return {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}


async def create(resource: Resource, sqs: Any, s3: Any) -> None:
    """Make one resource through SQS's and S3's operations; `sqs` and `s3` are clients of any place.

    Raises `SettingError` for a type of resource that is not a queue, a bucket or the policy of one.
    """
    properties = resource.properties
    match resource.type:
        case "AWS::SQS::Queue":
            await sqs.create_queue(QueueName=properties["QueueName"], Attributes=queue_attributes(properties))
        case "AWS::SQS::QueuePolicy":
            for url in properties["Queues"]:
                policy = json.dumps(properties["PolicyDocument"])
                await sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        case "AWS::S3::Bucket":
            name = properties["BucketName"]
            await s3.create_bucket(Bucket=name)
            if block := properties.get("PublicAccessBlockConfiguration"):
                await s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=block)
            if (notification := bucket_notification(properties))["QueueConfigurations"]:
                await s3.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration=notification)
        case "AWS::S3::BucketPolicy":
            policy = json.dumps(properties["PolicyDocument"])
            await s3.put_bucket_policy(Bucket=properties["Bucket"], Policy=policy)
        case _:
            raise SettingError(f"expected a queue, a bucket or the policy of one, got {resource.type}")
