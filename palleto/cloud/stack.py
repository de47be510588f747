"""The pipeline's infrastructure, deployed: the bucket, its queue and the dead-letter queue, from the one template.

`deploy` leaves what it finds as it is: it makes the stack when there is none, uses a bucket and queues that were made
some other way, and completes only what is missing. moto's CloudFormation, for one, reports CREATE_COMPLETE
but drops the bucket's notification and its block of public access, and the queue's policy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

import anyio

from palleto.cloud.door import Cloud
from palleto.cloud.template import (
    Account,
    Plan,
    bucket_notification,
    create,
    parse,
    resolve,
    template_text,
)
from palleto.errors import CloudError

QUEUE = "warehouse_raw_events"
DEAD_LETTERS = "warehouse_raw_events_dead_letters"
STACK_DEADLINE = 300.0  # seconds; AWS takes about 60 for this template


@dataclass(frozen=True)
class Stack:
    """Where the pipeline's files and messages are.

    `visibility_timeout` is in seconds, and `max_receive_count` how often a message is handed out before it goes to
    the dead-letter queue; both as the queue has them, whatever `deploy` was asked for.
    """

    name: str
    environment: str
    bucket: str
    queue_url: str
    dead_letter_url: str
    queue_arn: str
    visibility_timeout: float
    max_receive_count: int


async def deploy(
    cloud: Cloud,
    environment: str = "development",
    *,
    visibility_timeout: int = 30,
    max_receive_count: int = 3,
) -> Stack:
    """Make or find the stack `palleto-<environment>`, and complete what is missing of it.

    The environment, of lower-case letters, digits and hyphens, ends the bucket's name; `visibility_timeout` is in
    seconds, 0 to 43,200. Both numbers count only where the queue is made anew. Deploying again changes nothing.
    Its requests are not counted in `cloud.requests`.

    Raises `SettingError` for an environment that cannot end a bucket's name, and `CloudError` when an operation
    fails or the stack cannot be made.
    """
    parameters = {
        "Environment": environment,
        "VisibilityTimeout": str(visibility_timeout),
        "MaxReceiveCount": str(max_receive_count),
    }
    deployment = _Deployment(cloud, f"palleto-{environment}", environment, parameters)
    await deployment.make()
    await deployment.complete()
    return await deployment.stack()


class _Deployment:
    """One `deploy`: what it asks for, and the steps that get there."""

    def __init__(self, cloud: Cloud, name: str, environment: str, parameters: dict[str, str]) -> None:
        self.sqs = cloud.monitor.sqs
        self.s3 = cloud.monitor.s3
        self.cloudformation = cloud.monitor.cloudformation
        self.name = name
        self.environment = environment
        self.parameters = parameters
        self.text = template_text()
        self.template = parse(self.text)
        self.urls: dict[str, str] = {}
        self.bucket: str = self.plan(Account()).of_type("AWS::S3::Bucket")[0].properties["BucketName"]

    def plan(self, account: Account) -> Plan:
        return resolve(self.template, self.parameters, account, self.name, lambda name: self.urls.get(name, name))

    async def make(self) -> None:
        """Make the stack, unless it is there, or its bucket or a queue is."""
        try:
            await self.cloudformation.describe_stacks(StackName=self.name)
        except CloudError as error:
            if error.code != "ValidationError":
                raise
        else:
            return
        if await self.anything_there():
            await self.make_what_is_missing()
            return
        await self.cloudformation.create_stack(
            StackName=self.name,
            TemplateBody=self.text,
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
        )
        await self.created()

    async def created(self) -> None:
        """Wait until CloudFormation is done with the stack."""
        pause = 0.05
        with anyio.move_on_after(STACK_DEADLINE):
            while True:
                answer = await self.cloudformation.describe_stacks(StackName=self.name)
                status = answer["Stacks"][0]["StackStatus"]
                if status in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
                    return
                if status != "CREATE_IN_PROGRESS":
                    reason = answer["Stacks"][0].get("StackStatusReason", "see its events in CloudFormation")
                    raise CloudError("cloudformation.CreateStack", status, f"stack {self.name}: {reason}")
                await anyio.sleep(pause)
                pause = min(2 * pause, 5.0)
        raise CloudError(
            "cloudformation.CreateStack", "Timeout", f"stack {self.name} is not there after {STACK_DEADLINE} s"
        )

    async def anything_there(self) -> bool:
        return await self.has_bucket() or await self.url(QUEUE) is not None or await self.url(DEAD_LETTERS) is not None

    async def has_bucket(self) -> bool:
        try:
            await self.s3.head_bucket(Bucket=self.bucket)
        except CloudError as error:
            if error.code in ("404", "NoSuchBucket"):
                return False
            raise
        return True

    async def url(self, queue: str) -> str | None:
        """A queue's URL as SQS says it; outputs of an emulated stack name the real AWS host."""
        if queue not in self.urls:
            try:
                self.urls[queue] = (await self.sqs.get_queue_url(QueueName=queue))["QueueUrl"]
            except CloudError as error:
                if not error.code.endswith(("NonExistentQueue", "QueueDoesNotExist")):
                    raise
                return None
        return self.urls[queue]

    async def make_what_is_missing(self) -> None:
        """Make the resources that are not there, outside of CloudFormation, which takes over nothing."""
        account = Account()
        for logical_id in [resource.logical_id for resource in self.plan(account).resources]:
            resource = next(r for r in self.plan(account).resources if r.logical_id == logical_id)
            if resource.type == "AWS::SQS::Queue":
                if await self.url(resource.properties["QueueName"]) is None:
                    await create(resource, self.sqs, self.s3)
                # The dead-letter queue comes first and names no account, so its ARN tells ours to the others.
                account = Account.of((await self.attributes(resource.properties["QueueName"]))["QueueArn"])
            elif resource.type == "AWS::S3::Bucket" and not await self.has_bucket():
                await self.s3.create_bucket(Bucket=self.bucket)

    async def complete(self) -> None:
        """Set the queue's policy, the bucket's notification and its block of public access where there is none."""
        attributes = await self.attributes(QUEUE)
        plan = self.plan(Account.of(attributes["QueueArn"]))
        if "Policy" not in attributes:
            for policy in plan.of_type("AWS::SQS::QueuePolicy"):
                await create(policy, self.sqs, self.s3)
        (bucket,) = plan.of_type("AWS::S3::Bucket")
        try:
            await self.s3.get_public_access_block(Bucket=self.bucket)
        except CloudError as error:
            if error.code != "NoSuchPublicAccessBlockConfiguration":
                raise
            block = bucket.properties["PublicAccessBlockConfiguration"]
            await self.s3.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration=block)
        present = await self.s3.get_bucket_notification_configuration(Bucket=self.bucket)
        present.pop("ResponseMetadata", None)
        arns = [configuration["QueueArn"] for configuration in present.get("QueueConfigurations", [])]
        if attributes["QueueArn"] not in arns:
            ours = bucket_notification(bucket.properties)["QueueConfigurations"]
            present["QueueConfigurations"] = [*present.get("QueueConfigurations", []), *ours]
            await self.s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration=present)

    async def attributes(self, queue: str) -> dict[str, str]:
        url = await self.url(queue)
        if url is None:
            raise CloudError("sqs.GetQueueUrl", "NonExistentQueue", f"stack {self.name} has no queue {queue}")
        answer = await self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: dict[str, str] = answer["Attributes"]
        return attributes

    async def stack(self) -> Stack:
        """The stack as it is now."""
        attributes = await self.attributes(QUEUE)
        await self.attributes(DEAD_LETTERS)
        redrive = json.loads(attributes.get("RedrivePolicy") or '{"maxReceiveCount": 0}')
        return Stack(
            name=self.name,
            environment=self.environment,
            bucket=self.bucket,
            queue_url=self.urls[QUEUE],
            dead_letter_url=self.urls[DEAD_LETTERS],
            queue_arn=attributes["QueueArn"],
            visibility_timeout=float(attributes["VisibilityTimeout"]),
            max_receive_count=int(redrive["maxReceiveCount"]),
        )
