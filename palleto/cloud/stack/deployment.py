"""The pipeline's infrastructure, deployed: the bucket, its queue and the dead-letter queue, from the one template.

`deploy` leaves what it finds as it is: it makes the stack when there is none, uses a bucket and queues that were made
some other way, and completes only what is missing. moto's CloudFormation, for one, reports CREATE_COMPLETE
but drops the bucket's notification and its block of public access, and the queue's policy.

A stack that is half there is mended, and each mend reported:

- One that was rolled back has nothing left, and CloudFormation can only delete it: it is deleted and made anew.
- One that failed in another way keeps what it has, as its queues may hold messages; what is missing is made beside it.
- A bucket or queue that somebody deleted is made again, as are a notification, a policy and a redrive policy.

What is made beside CloudFormation carries the tag `made-by: palleto`, so that `tear_down` knows it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass

import anyio

from palleto.cloud.clients.errors import whole_answers
from palleto.cloud.door import Cloud
from palleto.cloud.endurance import no_queue
from palleto.cloud.stack.samples import PREFIX
from palleto.cloud.template import (
    Account,
    Plan,
    bucket_location,
    bucket_notification,
    create,
    parse,
    queue_attributes,
    resolve,
    template_text,
)
from palleto.errors import CloudError

QUEUE = "warehouse_raw_events"
DEAD_LETTERS = "warehouse_raw_events_dead_letters"
TAG = {"Key": "made-by", "Value": "palleto"}
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
    report: Callable[[str], None] = lambda line: None,
) -> Stack:
    """Make or find the stack `palleto-<environment>`, and complete what is missing of it.

    The environment, of lower-case letters, digits and hyphens, ends the bucket's name; `visibility_timeout` is in
    seconds, 0 to 43,200. Both numbers count only where the queue is made anew. Deploying again changes nothing.
    `report` takes a line for each thing that is mended. Its requests are not counted in `cloud.requests`.

    Raises `SettingError` for an environment that cannot end a bucket's name, and `CloudError` when an operation
    fails or the stack cannot be made.
    """
    parameters = {
        "Environment": environment,
        "VisibilityTimeout": str(visibility_timeout),
        "MaxReceiveCount": str(max_receive_count),
        "PlainHttp": "denied" if cloud.place.name == "aws" else "allowed",  # the other places have no TLS
    }
    deployment = Deployment(cloud, environment, parameters, report)
    with whole_answers("deploying the stack"):
        await deployment.make()
        await deployment.complete()
        return await deployment.stack()


class Deployment:
    """One `deploy`: what it asks for, and the steps that get there. `urls`: the queues' URLs, by name, once known."""

    def __init__(
        self,
        cloud: Cloud,
        environment: str,
        parameters: dict[str, str],
        report: Callable[[str], None] = lambda line: None,
    ) -> None:
        self.sqs = cloud.monitor.sqs
        self.s3 = cloud.monitor.s3
        self.cloudformation = cloud.monitor.cloudformation
        self.name = f"palleto-{environment}"
        self.environment = environment
        self.parameters = parameters
        self.text = template_text()
        self.template = parse(self.text)
        self.urls: dict[str, str] = {}
        self.bucket: str = self.plan(Account()).of_type("AWS::S3::Bucket")[0].properties["BucketName"]
        self.report = report
        self.is_new = False  # what is completed then is what the server dropped, and no news to the user

    def plan(self, account: Account) -> Plan:
        """What the template comes to in an account."""
        return resolve(self.template, self.parameters, account, self.name, lambda name: self.urls.get(name, name))

    def mended(self, what: str) -> None:
        """Report that something was made that a stack should have had."""
        if not self.is_new:
            self.report(f"stack {self.name} was half there: made {what}")

    async def make(self) -> None:
        """Make the stack, unless it is there, or its bucket or a queue is; make what is missing of it then."""
        status = await self.settled()
        if status == "ROLLBACK_COMPLETE":
            self.report(f"stack {self.name} was half there: it was rolled back; deleting it and making it anew")
            await self.cloudformation.delete_stack(StackName=self.name)
            status = await self.settled()
        elif status is not None and "FAILED" in status:
            self.report(f"stack {self.name} was half there: {status}; using what there is of it")
        if status is None and not await self.anything_there():
            await self.create_stack()
        else:
            await self.make_what_is_missing()

    async def create_stack(self) -> None:
        """Let CloudFormation make the stack, and wait until it is there."""
        try:
            await self.cloudformation.create_stack(
                StackName=self.name,
                TemplateBody=self.text,
                Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in self.parameters.items()],
            )
        except CloudError as error:
            # It is there by now when another run makes it at this moment; anything else in the way is an error.
            if error.code != "AlreadyExistsException" or await self.settled() is None:
                raise
        status = await self.settled()
        if status != "CREATE_COMPLETE":
            reason = await self.reason()
            raise CloudError("cloudformation.CreateStack", str(status), f"stack {self.name}: {reason}")
        self.is_new = True

    async def settled(self) -> str | None:
        """The stack's status once CloudFormation is done with it; None when there is no stack."""
        pause = 0.05
        with anyio.move_on_after(STACK_DEADLINE):
            while True:
                try:
                    answer = await self.cloudformation.describe_stacks(StackName=self.name)
                except CloudError as error:
                    if error.code != "ValidationError":
                        raise
                    return None
                status: str = answer["Stacks"][0]["StackStatus"]
                if not status.endswith("IN_PROGRESS"):
                    return None if status == "DELETE_COMPLETE" else status
                await anyio.sleep(pause)
                pause = min(2 * pause, 5.0)
        raise CloudError(
            "cloudformation.DescribeStacks", "Timeout", f"stack {self.name} is not there after {STACK_DEADLINE} s"
        )

    async def reason(self) -> str:
        """Why the stack is in its status, as CloudFormation says it."""
        answer = await self.cloudformation.describe_stacks(StackName=self.name)
        return str(answer["Stacks"][0].get("StackStatusReason", "see its events in CloudFormation"))

    async def anything_there(self) -> bool:
        """Whether the bucket or a queue is there, whoever made it."""
        return await self.has_bucket() or await self.url(QUEUE) is not None or await self.url(DEAD_LETTERS) is not None

    async def has_bucket(self) -> bool:
        """Whether the bucket is there. A worker may list the files' prefix, and no more (worker-policy.yaml)."""
        try:
            await self.s3.list_objects_v2(Bucket=self.bucket, Prefix=PREFIX, MaxKeys=1)
        except CloudError as error:
            if error.code not in ("NoSuchBucket", "404"):  # the latter where a server's answer has no body
                raise
            return False
        return True

    async def url(self, queue: str) -> str | None:
        """A queue's URL as SQS says it; outputs of an emulated stack name the real AWS host."""
        if queue not in self.urls:
            try:
                self.urls[queue] = (await self.sqs.get_queue_url(QueueName=queue))["QueueUrl"]
            except CloudError as error:
                if not no_queue(error):
                    raise
                return None
        return self.urls[queue]

    async def make_what_is_missing(self) -> None:
        """Make the resources that are not there, outside of CloudFormation, which takes over nothing."""
        account = Account()
        for logical_id in [resource.logical_id for resource in self.plan(account).resources]:
            resource = next(r for r in self.plan(account).resources if r.logical_id == logical_id)
            if resource.type == "AWS::SQS::Queue":
                name = resource.properties["QueueName"]
                if await self.url(name) is None:
                    await create(resource, self.sqs, self.s3)
                    await self.tag_queue(name)
                    self.mended(f"queue {name}")
                # The dead-letter queue comes first and names no account, so its ARN tells ours to the others.
                account = Account.of((await self.attributes(name))["QueueArn"])
        if not await self.has_bucket():
            await self.s3.create_bucket(Bucket=self.bucket, **bucket_location(account.region))
            await self.tag_bucket()
            self.mended(f"bucket {self.bucket}")

    async def tag_queue(self, name: str) -> None:
        """Mark a queue as made here, beside CloudFormation."""
        if hasattr(self.sqs, "tag_queue"):  # the simulated place has no tags, and forgets all at its end
            await self.sqs.tag_queue(QueueUrl=await self.url(name), Tags={TAG["Key"]: TAG["Value"]})

    async def tag_bucket(self) -> None:
        """Mark the bucket as made here, beside CloudFormation."""
        if hasattr(self.s3, "put_bucket_tagging"):
            await self.s3.put_bucket_tagging(Bucket=self.bucket, Tagging={"TagSet": [TAG]})

    async def complete(self) -> None:
        """Set the policies, the bucket's notification and its block of public access where there is none."""
        attributes, dead_letters = await self.attributes(QUEUE), await self.attributes(DEAD_LETTERS)
        plan = self.plan(Account.of(attributes["QueueArn"]))
        if not attributes.get("RedrivePolicy"):
            (queue,) = (q for q in plan.of_type("AWS::SQS::Queue") if q.properties["QueueName"] == QUEUE)
            redrive = queue_attributes(queue.properties)["RedrivePolicy"]
            await self.sqs.set_queue_attributes(QueueUrl=self.urls[QUEUE], Attributes={"RedrivePolicy": redrive})
            self.mended(f"the redrive policy of queue {QUEUE}")
        for name, found in ((QUEUE, attributes), (DEAD_LETTERS, dead_letters)):
            for policy in plan.of_type("AWS::SQS::QueuePolicy"):
                if self.urls[name] in policy.properties["Queues"] and not found.get("Policy"):
                    await create(policy, self.sqs, self.s3)
                    self.mended(f"the policy of queue {name}")
        for policy in plan.of_type("AWS::S3::BucketPolicy"):
            try:
                await self.s3.get_bucket_policy(Bucket=self.bucket)
            except CloudError as error:
                if error.code != "NoSuchBucketPolicy":
                    raise
                await create(policy, self.sqs, self.s3)
                self.mended(f"the policy of bucket {self.bucket}")
        (bucket,) = plan.of_type("AWS::S3::Bucket")
        try:
            await self.s3.get_public_access_block(Bucket=self.bucket)
        except CloudError as error:
            if error.code != "NoSuchPublicAccessBlockConfiguration":
                raise
            block = bucket.properties["PublicAccessBlockConfiguration"]
            await self.s3.put_public_access_block(Bucket=self.bucket, PublicAccessBlockConfiguration=block)
            self.mended(f"the block of public access to bucket {self.bucket}")
        present = await self.s3.get_bucket_notification_configuration(Bucket=self.bucket)
        present.pop("ResponseMetadata", None)
        arns = [configuration["QueueArn"] for configuration in present.get("QueueConfigurations", [])]
        if attributes["QueueArn"] not in arns:
            ours = bucket_notification(bucket.properties)["QueueConfigurations"]
            present["QueueConfigurations"] = [*present.get("QueueConfigurations", []), *ours]
            await self.s3.put_bucket_notification_configuration(Bucket=self.bucket, NotificationConfiguration=present)
            self.mended(f"the notification of bucket {self.bucket}")

    async def attributes(self, queue: str) -> dict[str, str]:
        """A queue's attributes; raises `CloudError` when it is not there."""
        url = await self.url(queue)
        if url is None:
            raise CloudError("sqs.GetQueueUrl", "NonExistentQueue", f"stack {self.name} has no queue {queue}")
        answer = await self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])
        attributes: dict[str, str] = answer["Attributes"]
        return attributes

    async def stack(self) -> Stack:
        """The stack as it is now."""
        attributes = await self.attributes(QUEUE)
        redrive = json.loads(attributes["RedrivePolicy"])
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
