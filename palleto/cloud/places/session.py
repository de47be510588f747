"""boto3 clients for a real place: one session, one client a service, made once and shared.

Making a client is not thread-safe and costs about 110 ms and 12 MiB with its session; using one is thread-safe.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any

from palleto.cloud.clients import Shortcut
from palleto.cloud.clients.errors import raise_cloud_error
from palleto.cloud.place import Place, is_loopback
from palleto.errors import CloudError, SettingError

SERVICES = ("sqs", "s3", "cloudformation")
REGION = "us-east-1"
SPARE_CONNECTIONS = 128  # object bodies that are open between two reads hold a connection, but no thread


def make_clients(place: Place, concurrency: int) -> tuple[Place, dict[str, Any]]:
    """The place, for AWS with who is asking, and boto3 clients for `SERVICES`, by service.

    It blocks for about 0.3 s, most of it boto3's import.

    Every place but AWS gets credentials and a region of its own, no profile, no configuration file, no proxy, and
    ignores AWS_ENDPOINT_URL, so that nothing in the environment can lead a request elsewhere.

    Raises `SettingError` when AWS was named and there are no credentials.
    """
    if place.name == "aws":
        return _aws_clients(place, concurrency)
    import boto3
    import botocore.session

    # Without these three, an AWS_PROFILE that does not exist would fail here, and the user's configuration file
    # could set endpoints, retries and a proxy.
    alone = {
        "profile": (None, None, None, None),
        "config_file": (None, None, os.devnull, None),
        "credentials_file": (None, None, os.devnull, None),
    }
    alone_session = botocore.session.Session(session_vars=alone)
    alone_session.register_component("data_loader", _loader())
    alone_session.get_component("response_parser_factory").set_parser_defaults(timestamp_parser=_timestamp)
    session: Any = boto3.Session(
        aws_access_key_id="test",
        aws_secret_access_key="test",
        region_name=REGION,
        botocore_session=alone_session,
    )
    verify = _verifies(place)
    if not verify:
        _trust_loopback()
    clients = {
        service: session.client(
            service, endpoint_url=place.endpoint, verify=verify, config=_config(concurrency, local=True)
        )
        for service in SERVICES
    }
    for client in clients.values():
        if place.name != "endpoint" and not is_loopback(client.meta.endpoint_url):
            raise SettingError(f"expected an address of this machine, got {client.meta.endpoint_url}")
    return place, clients


def make_shortcut(place: Place, clients: dict[str, Any]) -> Shortcut | None:
    """The short cut to objects, past the S3 client of `make_clients`; none on AWS, where its ways were not tried."""
    if place.name == "aws":
        return None
    from botocore.credentials import Credentials

    return Shortcut(clients["s3"], Credentials("test", "test"), verify=_verifies(place))


def _verifies(place: Place) -> bool:
    """Whether a certificate must be valid.

    That of a LocalStack with USE_SSL=1 is of its own making; nobody stands between us on loopback.
    """
    return not (place.endpoint or "").startswith("https:") or not is_loopback(str(place.endpoint))


@cache
def _loader() -> Any:
    """The reader of botocore's service descriptions, kept with what it read: a later run's clients take 0.03 s."""
    from botocore.loaders import create_loader

    return create_loader()


def _timestamp(value: Any) -> datetime:
    """The time in an answer. botocore guesses at the form of each, which is 8 % of a `get_object`'s processor time."""
    from botocore.utils import parse_timestamp

    if isinstance(value, str) and value.endswith(" GMT"):  # HTTP's own form, as in Last-Modified
        try:
            return parsedate_to_datetime(value)
        except ValueError:
            pass
    parsed: datetime = parse_timestamp(value)
    return parsed


def _trust_loopback() -> None:
    """Let urllib3 say nothing of each request whose certificate is not verified."""
    import warnings

    from urllib3.exceptions import InsecureRequestWarning

    warnings.filterwarnings("ignore", r".*'(127\.|localhost|::1)", InsecureRequestWarning)


def aws_session() -> Any:
    """boto3's own session, by its own chain of credentials; the only place where they are read."""
    import boto3

    return boto3.Session()


def _aws_clients(place: Place, concurrency: int) -> tuple[Place, dict[str, Any]]:
    try:
        session = aws_session()
        config = _config(concurrency, local=False)
        region = session.region_name or REGION
        sts = session.client("sts", region_name=region, config=config)
        try:
            who = sts.get_caller_identity()
        finally:
            sts.close()
        reason = f"AWS in {region}, account {who['Account']}, as {who['Arn']}, because place aws was named"
        return replace(place, reason=reason), {
            service: session.client(service, region_name=region, config=config) for service in SERVICES
        }
    except Exception as error:
        try:
            raise_cloud_error("sts.GetCallerIdentity", error)
        except CloudError as said:
            raise SettingError(
                f"expected credentials for AWS, got: {said}; run `aws configure`, or leave --place aws out"
            ) from error


def _config(concurrency: int, *, local: bool) -> Any:
    from botocore.config import Config

    settings: dict[str, Any] = {
        "ignore_configured_endpoint_urls": True,
        "max_pool_connections": concurrency + SPARE_CONNECTIONS,
        "connect_timeout": 5,
        "read_timeout": 30,  # a long poll answers within 20 s
        "retries": {"mode": "standard", "max_attempts": 3},
    }
    if local:
        settings |= {
            "proxies": {},
            "user_agent": "palleto",  # botocore's own is put together anew for each request: 3 % of its time
            "s3": {"addressing_style": "path"},  # no local server is found under bucket.127.0.0.1
            "request_checksum_calculation": "when_required",
            "response_checksum_validation": "when_required",
        }
    try:
        return Config(**settings)
    except TypeError:  # boto3 before 1.36 has no checksum settings, and behaves as set here
        return Config(**{key: value for key, value in settings.items() if "checksum" not in key})
