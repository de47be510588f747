"""A local place takes no notice of what the user's machine has for AWS; on AWS what is broken there is one line."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from aws_environment import AWS_ENVIRONMENT

from palleto import clock
from palleto.cloud import open_cloud
from palleto.cloud.places.embedded.server import VARIABLES
from palleto.cloud.places.isolation import AWS_VARIABLES, hidden
from palleto.errors import SettingError

BROKEN = {
    "no header": b"region = us-east-1\n",
    "byte order mark": b"\xef\xbb\xbf[default]\nregion = us-east-1\n",
    "duplicate section": b"[default]\nregion = a\n[default]\nregion = b\n",
    "Latin-1": b"[default]\nregion = \xe4\n",
    "merge conflict": b"[default]\n<<<<<<< HEAD\nregion = a\n=======\nregion = b\n>>>>>>> other\n",
}
STRANGE = AWS_ENVIRONMENT | {
    "AWS_CA_BUNDLE": "/nowhere",
    "AWS_DATA_PATH": "/nowhere",
    "AWS_DEFAULTS_MODE": "strange",
    "AWS_MAX_ATTEMPTS": "strange",
    "AWS_METADATA_SERVICE_TIMEOUT": "strange",
    "AWS_RETRY_MODE": "strange",
    "AWS_S3_US_EAST_1_REGIONAL_ENDPOINT": "strange",
    "AWS_STS_REGIONAL_ENDPOINTS": "strange",
    "BOTOCORE_EXPERIMENTAL__PLUGINS": "nothing=nowhere",
    "SSLKEYLOGFILE": "/nowhere/keys",
    "INITIAL_NO_AUTH_ACTION_COUNT": "0",
    "MOTO_ACCOUNT_ID": "strange",
    "MOTO_MAX_FORM_MEMORY_SIZE": "strange",
    "MOTO_S3_CUSTOM_ENDPOINTS": "strange",
    "S3_UPLOAD_PART_MIN_SIZE": "strange",
}
PROGRAM = """
import anyio, os, sys, palleto.cloud
before = dict(os.environ)
async def main():
    async with palleto.cloud.open_cloud("embedded") as cloud:
        stack = await palleto.cloud.deploy(cloud)
        await palleto.cloud.upload(cloud, stack, palleto.cloud.samples(1))
        print((await cloud.sqs.receive_message(QueueUrl=stack.queue_url))["Messages"][0]["MessageId"] > "")
anyio.run(main)
assert os.environ == before
assert not {'moto.ec2', 'moto.kinesis'} & set(sys.modules), 'not needed'
import moto.kinesis.models
print(moto.kinesis.models.KinesisBackend.__module__)
"""


def test_the_embedded_place_takes_no_notice_of_a_broken_file_nor_of_any_variable(tmp_path: Path) -> None:
    """In a fresh process, as moto reads its variables when it is imported; and it leaves moto's other models alone."""
    (tmp_path / ".aws").mkdir()
    for name in ("config", "credentials"):
        (tmp_path / ".aws" / name).write_bytes(BROKEN["no header"])
    environment = os.environ | STRANGE | {"HOME": str(tmp_path)}
    command = [sys.executable, "-W", "error", "-c", PROGRAM]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("True\nmoto.kinesis.models\n", "")


async def ask_aws() -> None:
    async with open_cloud("aws"):
        raise AssertionError("it was reached")


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in BROKEN.items()])
def test_on_aws_a_broken_file_is_named(text: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = tmp_path / "config"
    config.write_bytes(text)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    with pytest.raises(SettingError, match=f"^expected a configuration of AWS that can be read, got: .*{config}"):
        clock.run(ask_aws)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SSLKEYLOGFILE", "/nowhere/keys"),
        ("AWS_DEFAULT_REGION", "eu west"),
        ("AWS_DEFAULTS_MODE", "strange"),
        ("AWS_METADATA_SERVICE_TIMEOUT", "strange"),
    ],
)
def test_on_aws_a_strange_value_is_one_line(
    variable: str, value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingError, match=rf"^expected AWS to be reached .*{value}.*; look at .*SSLKEYLOGFILE"):
        clock.run(ask_aws)


def test_every_variable_that_moto_reads_is_hidden_from_it() -> None:
    spec = find_spec("moto")
    assert spec is not None
    assert spec.origin is not None
    folder = Path(spec.origin).parent
    files = [
        folder / "settings.py",
        *(path for part in ("core", "s3", "sqs") for path in (folder / part).rglob("*.py")),
    ]
    texts = [path.read_text(encoding="utf-8") for path in files]
    read = {name for text in texts for name in re.findall(r'os\.environ(?:\.get\(|\[)\s*"(\w+)"', text)}
    assert "INITIAL_NO_AUTH_ACTION_COUNT" in read, "or the test looks in the wrong place"
    assert [name for name in sorted(read) if not name.startswith((*VARIABLES, "AWS_"))] == []


def test_what_was_hidden_is_there_again_after_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_REGION", "BOTOCORE_EXPERIMENTAL__PLUGINS", "SSLKEYLOGFILE", "PALLETO_PLACE"):
        monkeypatch.setenv(name, "strange")
    before = dict(os.environ)

    def fail() -> None:
        with hidden(*AWS_VARIABLES):
            assert set(before) - set(os.environ) >= {"AWS_REGION", "BOTOCORE_EXPERIMENTAL__PLUGINS", "SSLKEYLOGFILE"}
            assert {"PALLETO_PLACE", "PATH"} <= set(os.environ)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert os.environ == before
