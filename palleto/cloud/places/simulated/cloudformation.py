# ruff: noqa: N803 - the operations have boto3's names and arguments, and boto3's documentation.
"""Simulated CloudFormation: stacks of queues, queue policies and buckets, made at once from a template."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from palleto.cloud.places.simulated.s3 import SimulatedS3
from palleto.cloud.places.simulated.sqs import SimulatedSQS
from palleto.cloud.places.simulated.world import ACCOUNT, REGION, Service, World
from palleto.cloud.template import Account, Plan, Resource, create, parse, resolve
from palleto.errors import CloudError, SettingError

Response = dict[str, Any]


@dataclass(frozen=True)
class StackRecord:
    """A stack that was made."""

    name: str
    id: str
    template: str
    plan: Plan
    created: datetime

    def described(self) -> Response:
        """What DescribeStacks answers for it."""
        return {
            "StackName": self.name,
            "StackId": self.id,
            "StackStatus": "CREATE_COMPLETE",
            "CreationTime": self.created,
            "Parameters": _pairs(self.plan.parameters, "ParameterKey", "ParameterValue"),
            "Outputs": _pairs(self.plan.outputs, "OutputKey", "OutputValue"),
        }


class SimulatedCloudFormation(Service):
    """CloudFormation: `stacks` by name; a stack is made whole within CreateStack, or not at all."""

    def __init__(self, world: World, sqs: SimulatedSQS, s3: SimulatedS3) -> None:
        self.world = world
        self.sqs = sqs
        self.s3 = s3
        self.stacks: dict[str, StackRecord] = {}

    def __repr__(self) -> str:
        return "simulated CloudFormation"

    async def create_stack(
        self, StackName: str, TemplateBody: str, Parameters: list[dict[str, str]] | None = None
    ) -> Response:
        if StackName in self.stacks:
            raise _error("CreateStack", "AlreadyExistsException", f"Stack [{StackName}] already exists")
        given = {pair["ParameterKey"]: pair["ParameterValue"] for pair in Parameters or []}
        account = Account(ACCOUNT, REGION)
        try:
            plan = resolve(
                parse(TemplateBody),
                given,
                account,
                StackName,
                lambda name: f"https://sqs.{REGION}.simulated/{ACCOUNT}/{name}",
            )
            for resource in plan.resources:
                self._check_free(resource)
            for resource in plan.resources:
                await create(resource, self.sqs, self.s3)
        except SettingError as error:
            raise _error("CreateStack", "ValidationError", str(error)) from error
        stack_id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{StackName}/{self.world.message_id()}"
        self.stacks[StackName] = StackRecord(StackName, stack_id, TemplateBody, plan, self.world.date())
        return {"StackId": stack_id}

    async def describe_stacks(self, StackName: str | None = None) -> Response:
        if StackName is None:
            return {"Stacks": [stack.described() for stack in self.stacks.values()]}
        return {"Stacks": [self._stack("DescribeStacks", StackName).described()]}

    async def get_template(self, StackName: str) -> Response:
        return {"TemplateBody": self._stack("GetTemplate", StackName).template}

    async def list_stack_resources(self, StackName: str) -> Response:
        resources = self._stack("ListStackResources", StackName).plan.resources
        return {
            "StackResourceSummaries": [
                {"LogicalResourceId": r.logical_id, "ResourceType": r.type, "ResourceStatus": "CREATE_COMPLETE"}
                for r in resources
            ]
        }

    def _check_free(self, resource: Resource) -> None:
        """CloudFormation takes over nothing that is there already."""
        queue, bucket = resource.properties.get("QueueName"), resource.properties.get("BucketName")
        if queue in self.sqs.queues or bucket in self.s3.buckets:
            raise _error("CreateStack", "AlreadyExistsException", f"{queue or bucket} already exists")

    def _stack(self, operation: str, name: str) -> StackRecord:
        if name not in self.stacks:
            raise _error(operation, "ValidationError", f"Stack with id {name} does not exist")
        return self.stacks[name]


def _pairs(values: dict[str, str], key: str, value: str) -> list[dict[str, str]]:
    return [{key: name, value: said} for name, said in values.items()]


def _error(operation: str, code: str, message: str) -> CloudError:
    return CloudError(f"cloudformation.{operation}", code, message, 400)
