"""The AWS place, with a moto server standing in: who is asking is shown, a yes is waited for, little is needed."""

from __future__ import annotations

import fnmatch
import io
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.iam.access_control import PermissionResult

from palleto import clock
from palleto.cloud import Cloud, Stack, deploy, open_cloud, samples, upload
from palleto.cloud.clients import Objects, boto
from palleto.cloud.consent import consent
from palleto.cloud.endurance import PERMISSIONS
from palleto.cloud.places import EmbeddedServer, session
from palleto.cloud.template import Account, parse, resolve, template_file
from palleto.errors import CloudError, SettingError
from palleto.program import Options, queue_empty, run_step
from steps import step9

ROOT = Path(__file__).parents[3]
pytestmark = pytest.mark.filterwarnings(
    "ignore:Tried to parse AWS..S3..BucketPolicy"
)  # moto's, that `deploy` makes good


class StandIn:
    """boto3's session, but that every client of it asks the server `url`."""

    region_name = "eu-west-1"

    def __init__(self, url: str) -> None:
        import boto3

        self.url = url
        self.session: Any = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")

    def client(self, service: str, *, region_name: str, config: Any) -> Any:
        assert config.ignore_configured_endpoint_urls is True
        return self.session.client(service, endpoint_url=self.url, region_name=region_name, config=config)

    def get_credentials(self) -> Any:
        return self.session.get_credentials()


@pytest.fixture
def backend() -> str:
    """The only one here: what differs between the two is tested on the other places."""
    return "asyncio"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server in AWS's stead. moto takes a bucket's policy without its conditions: here it denies nothing."""
    monkeypatch.setattr("moto.s3.models.FakeBucket.get_permission", lambda *_: PermissionResult.NEUTRAL)
    server = EmbeddedServer()
    monkeypatch.setattr(session, "aws_session", lambda: StandIn(server.url))
    yield server.url
    server.stop()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


async def look() -> str:
    async with open_cloud("aws") as cloud:
        assert (await cloud.s3.list_buckets())["Buckets"] == []
        return cloud.place.reason


def test_account_and_region_are_shown_and_only_a_yes_goes_on(
    aws: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], backend: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert "account 123456789012" in clock.run(look, backend=backend)
    said = capsys.readouterr().out
    assert said.startswith("AWS in eu-west-1, account 123456789012, as arn:aws:sts::123456789012:")
    assert said.endswith("Go on? [y/N] ")
    monkeypatch.setattr(sys, "stdin", Terminal("n\n"))
    with pytest.raises(SettingError, match="expected yes, got 'n'; nothing was made"):
        clock.run(look, backend=backend)


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        *(
            (Terminal(answer), r"expected yes, got '.*'; nothing was made")
            for answer in ("n\n", "\n", "", "yesterday\n")
        ),
        (io.StringIO("y\n"), r"got none; add --yes \(AWS in eu-west-1\)"),
    ],
)
def test_only_a_yes_on_a_terminal_goes_on(stdin: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(SettingError, match=said):
        consent("AWS in eu-west-1")


LISTING = ("s3:ListBucket", "s3:ListBucketVersions")


def allowed() -> list[tuple[str, str]]:
    """Each action that worker-policy.yaml allows, and on what."""
    template = parse(template_file("worker-policy.yaml").read_text())
    (policy,) = resolve(template, {}, Account("123456789012", "eu-west-1"), "worker").resources
    pairs = []
    for statement in policy.properties["PolicyDocument"]["Statement"]:
        assert statement["Effect"] == "Allow"
        if statement.get("Condition"):
            assert statement["Condition"] == {"StringLike": {"s3:prefix": "packrat/data/*"}}
            assert tuple(statement["Action"]) == LISTING
        actions, things = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            pairs += [(action, thing) for thing in ([things] if isinstance(things, str) else things)]
    return pairs


async def policies(cloud: Cloud, stack: Stack) -> list[dict[str, Any]]:
    """The policies of a stack's queues and of its bucket."""
    texts = [(await cloud.s3.get_bucket_policy(Bucket=stack.bucket))["Policy"]]
    for url in (stack.queue_url, stack.dead_letter_url):
        answer = await cloud.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        texts.append(answer["Attributes"]["Policy"])
    return [json.loads(text) for text in texts]


def test_plain_http_is_denied_and_what_denies_it_is_made_again(aws: str, backend: str) -> None:
    async def main() -> None:
        async with open_cloud("aws", yes=True) as cloud:
            stack = await deploy(cloud)
            for made in ("the stack", "what was lost"):
                for policy in await policies(cloud, stack):
                    (denied,) = (each for each in policy["Statement"] if each["Effect"] == "Deny")
                    assert denied["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}, made
                await cloud.s3.delete_bucket_policy(Bucket=stack.bucket)
                await cloud.sqs.set_queue_attributes(QueueUrl=stack.dead_letter_url, Attributes={"Policy": ""})
                said: list[str] = []
                assert await deploy(cloud, report=said.append) == stack
                assert [line.partition(": ")[2] for line in said] == [
                    "made the policy of queue warehouse_raw_events_dead_letters",
                    f"made the policy of bucket {stack.bucket}",
                ]

            async def refuse(**arguments: Any) -> None:
                raise CloudError("s3.GetBucketPolicy", "AccessDenied", "Not for you", 403)

            cloud.monitor.s3.get_bucket_policy = refuse
            with pytest.raises(CloudError, match="Not for you"):
                await deploy(cloud)

    clock.run(main, backend=backend)


def test_a_bucket_that_is_made_again_is_where_the_queue_is(aws: str, backend: str) -> None:
    async def main() -> None:
        async with open_cloud("aws", yes=True) as cloud:
            stack = await deploy(cloud)
            await cloud.s3.delete_bucket(Bucket=stack.bucket)
            assert await deploy(cloud) == stack
            assert (await cloud.s3.get_bucket_location(Bucket=stack.bucket))["LocationConstraint"] == "eu-west-1"

    clock.run(main, backend=backend)


def test_the_workers_policy_allows_what_a_worker_does_and_no_more(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def prepare() -> None:
        async with open_cloud("aws", yes=True) as cloud:
            await upload(cloud, await deploy(cloud), samples(2))

    clock.run(prepare)
    done: set[tuple[str, str]] = set()
    call = boto._call

    def record(method: Any, operation: str, arguments: dict[str, Any]) -> Any:
        action = PERMISSIONS.get(operation, operation.replace(".", ":").removesuffix("Batch"))
        if action in LISTING:
            assert arguments.get("Prefix", "").startswith("packrat/data/"), "it may list no more"
        queue = arguments.get("QueueName") or arguments.get("QueueUrl", "").rpartition("/")[2]
        bucket = "/".join(filter(None, [arguments.get("Bucket"), arguments.get("Key")]))
        stack = f"stack/{arguments.get('StackName')}/an-id"
        done.add((action, f":{queue or bucket or stack}"))
        return call(method, operation, arguments)

    monkeypatch.setattr(boto, "_call", record)
    get = Objects.get

    def got(objects: Objects, arguments: dict[str, Any]) -> Any:
        done.add(("s3:GetObject", f":{arguments['Bucket']}/{arguments['Key']}"))
        return get(objects, arguments)

    monkeypatch.setattr(Objects, "get", got)
    options = Options(place="aws", yes=True, files=0, output=tmp_path, quiet=True)
    assert run_step(step9.pipeline, queue_empty, options)[0].startswith("2 events consumed")
    assert capsys.readouterr().err.startswith("AWS in eu-west-1, account 123456789012"), "whose account it is"
    assert {action for action, _ in done} >= {"sqs:ReceiveMessage", "s3:GetObject", "sqs:DeleteMessage"}

    def covers(rule: tuple[str, str], use: tuple[str, str]) -> bool:
        return rule[0] == use[0] and fnmatch.fnmatch(use[1], "*:" + rule[1].rpartition(":")[2])

    rules = allowed()
    assert [use for use in sorted(done) if not any(covers(rule, use) for rule in rules)] == []
    # A heartbeat or a file given back is not in this run, nor a bucket with versions.
    idle = {rule[0] for rule in rules if not any(covers(rule, use) for use in done)}
    assert idle <= {"sqs:ChangeMessageVisibility", "s3:GetObjectVersion", "s3:ListBucketVersions"}


def test_the_example_holds_no_key_and_git_ignores_the_copy() -> None:
    text = (ROOT / "localstack/aws.env.example").read_text()
    assert "ACCESS_KEY" not in text
    assert "aws.env" in (ROOT / ".gitignore").read_text().splitlines()
