"""The AWS place, with a moto server standing in: who is asking is shown, a yes is waited for, little is needed."""

from __future__ import annotations

import fnmatch
import io
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from palleto import clock
from palleto.cloud import deploy, open_cloud, samples, upload
from palleto.cloud.clients import boto
from palleto.cloud.places import EmbeddedServer, session
from palleto.cloud.template import Account, parse, resolve, template_file
from palleto.errors import SettingError
from palleto.program import Options, queue_empty, run_step
from steps import step9

ROOT = Path(__file__).parents[3]


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


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server in AWS's stead."""
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


def test_account_and_region_are_shown_and_a_yes_goes_on(
    aws: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], backend: str
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("y\n"))
    assert "account 123456789012" in clock.run(look, backend=backend)
    said = capsys.readouterr().out
    assert said.startswith("AWS in eu-west-1, account 123456789012, as arn:aws:sts::123456789012:")
    assert said.endswith("Go on? [y/N] ")


@pytest.mark.parametrize(
    ("stdin", "said"),
    [
        *(
            (Terminal(answer), r"expected yes, got '.*'; nothing was made")
            for answer in ("n\n", "\n", "", "yesterday\n")
        ),
        (io.StringIO("y\n"), r"got none; add --yes \(AWS in eu-west-1, account 123456789012"),
    ],
)
def test_only_a_yes_on_a_terminal_goes_on(aws: str, stdin: Any, said: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", stdin)
    with pytest.raises(SettingError, match=said):
        clock.run(look)


def test_a_step_with_yes_runs_and_says_whose_account_it_is(
    aws: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = Options(place="aws", yes=True, files=2, output=tmp_path, quiet=True)
    lines = run_step(step9.pipeline, queue_empty, options)
    assert lines[0].startswith("2 events consumed")
    assert capsys.readouterr().err.startswith("AWS in eu-west-1, account 123456789012")


def allowed() -> list[tuple[str, str]]:
    """Each action that worker-policy.yaml allows, and on what."""
    template = parse(template_file("worker-policy.yaml").read_text())
    (policy,) = resolve(template, {}, Account("123456789012", "eu-west-1"), "worker").resources
    pairs = []
    for statement in policy.properties["PolicyDocument"]["Statement"]:
        assert statement["Effect"] == "Allow"
        actions, things = statement["Action"], statement["Resource"]
        for action in [actions] if isinstance(actions, str) else actions:
            pairs += [(action, thing) for thing in ([things] if isinstance(things, str) else things)]
    return pairs


ACTIONS = {
    "s3.HeadBucket": "s3:ListBucket",
    "s3.ListObjectsV2": "s3:ListBucket",
    "s3.GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3.GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
}
"""Operations whose permission has another name; of a batch it is that of its entries."""


def test_the_workers_policy_allows_what_a_worker_does_and_no_more(
    aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prepare() -> None:
        async with open_cloud("aws", yes=True) as cloud:
            await upload(cloud, await deploy(cloud), samples(2))

    clock.run(prepare)
    done: set[tuple[str, str]] = set()
    call = boto._call

    def record(method: Any, operation: str, arguments: dict[str, Any]) -> Any:
        action = ACTIONS.get(operation, operation.replace(".", ":").removesuffix("Batch"))
        queue = arguments.get("QueueName") or arguments.get("QueueUrl", "").rpartition("/")[2]
        bucket = "/".join(filter(None, [arguments.get("Bucket"), arguments.get("Key")]))
        stack = f"stack/{arguments.get('StackName')}/an-id"
        done.add((action, f":{queue or bucket or stack}"))
        return call(method, operation, arguments)

    monkeypatch.setattr(boto, "_call", record)
    options = Options(place="aws", yes=True, files=0, output=tmp_path, quiet=True)
    assert run_step(step9.pipeline, queue_empty, options)[0].startswith("2 events consumed")
    assert {action for action, _ in done} >= {"sqs:ReceiveMessage", "s3:GetObject", "sqs:DeleteMessage"}

    def covers(rule: tuple[str, str], use: tuple[str, str]) -> bool:
        return rule[0] == use[0] and fnmatch.fnmatch(use[1], "*:" + rule[1].rpartition(":")[2])

    rules = allowed()
    assert [use for use in sorted(done) if not any(covers(rule, use) for rule in rules)] == []
    # A heartbeat or a file given back is not in this run.
    idle = {rule[0] for rule in rules if not any(covers(rule, use) for use in done)}
    assert idle <= {"sqs:ChangeMessageVisibility"}


def test_the_workers_policy_passes_cfn_lint() -> None:
    from cfnlint.api import lint_all  # type: ignore[import-untyped]

    found = [str(match) for match in lint_all(template_file("worker-policy.yaml").read_text())]
    assert [match for match in found if not match.startswith("[I")] == []


def test_the_costs_add_up() -> None:
    text = (ROOT / "localstack/aws.env.example").read_text()
    put, get, sqs, together = (float(number) for number in re.findall(r"^# .*?(0\.\d{5}) USD", text, re.MULTILINE)[:4])
    assert (put, get) == (0.005, 0.0004)
    assert sqs == pytest.approx(3_300 * 0.40 / 1e6)
    assert together == pytest.approx(put + get + sqs)
    assert pytest.approx(0.00494, abs=5e-6) == 24 * 3600 // 7 * 0.40 / 1e6


def test_the_example_holds_no_key_and_git_ignores_the_copy() -> None:
    text = (ROOT / "localstack/aws.env.example").read_text()
    assert "ACCESS_KEY" not in text
    assert "aws.env" in (ROOT / ".gitignore").read_text().splitlines()


def test_commands_refuse_places_that_end_with_their_run() -> None:
    command = [sys.executable, "-m", "palleto.cloud", "down", "--place", "embedded"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("error: expected a cloud that outlives a run, got embedded")
    assert done.stdout == ""
