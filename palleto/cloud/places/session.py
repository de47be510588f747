"""boto3 clients for a real place: one session, one client a service, made once and shared.

Making a client is not thread-safe and costs about 110 ms and 12 MiB with its session; using one is thread-safe.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from palleto.cloud.clients import Objects
from palleto.cloud.clients.errors import raise_cloud_error
from palleto.cloud.place import Place, is_loopback
from palleto.cloud.places.isolation import AWS_VARIABLES, hidden, isolated_session
from palleto.cloud.places.stores import Stores
from palleto.errors import CloudError, SettingError

SERVICES = ("sqs", "s3", "cloudformation")
REGION = "us-east-1"
SPARE_CONNECTIONS = 128  # object bodies that are open between two reads hold a connection, but no thread


def make_clients(place: Place, concurrency: int) -> tuple[Place, dict[str, Any], Objects]:
    """The place, for AWS with who is asking, boto3 clients for `SERVICES`, by service, and the way to objects.

    It blocks for about 0.3 s, most of it boto3's import.

    Every place but AWS gets credentials and a region of its own, and nothing else of the user's (`isolation.py`), so
    that nothing in the environment can lead a request elsewhere.

    Raises `SettingError` when AWS was named and there are no credentials, or AWS's configuration cannot be read.
    """
    if place.name == "aws":
        return _aws_clients(place, concurrency)
    import boto3

    verify = _verifies(place)
    if not verify:
        _trust_loopback()
    with hidden(*AWS_VARIABLES):
        isolated = isolated_session()
        isolated.register_component("data_loader", _loader())
        session: Any = boto3.Session(
            aws_access_key_id="test",
            aws_secret_access_key="test",
            region_name=REGION,
            botocore_session=isolated,
        )
        clients = {
            service: session.client(
                service, endpoint_url=place.endpoint, verify=verify, config=_config(concurrency, local=True)
            )
            for service in SERVICES
        }
    for client in clients.values():
        if place.name != "endpoint" and not is_loopback(client.meta.endpoint_url):
            raise SettingError(f"expected an address of this machine, got {client.meta.endpoint_url}")
    return place, clients, _objects(session, clients["s3"], verify=verify)


def _objects(session: Any, client: Any, *, verify: bool | str = True, proxies: bool = False) -> Objects:
    """The way to objects beside the S3 client of a session, with its credentials."""
    from obstore.auth.boto3 import Boto3CredentialProvider

    # botocore renews credentials 10 minutes before they end.
    credentials = Boto3CredentialProvider(session, ttl=timedelta(minutes=10))
    return Objects(Stores(client, credentials, verify=verify, proxies=proxies).make)


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


def _trust_loopback() -> None:
    """Let urllib3 say nothing of each request whose certificate is not verified."""
    import warnings

    from urllib3.exceptions import InsecureRequestWarning

    warnings.filterwarnings("ignore", r".*'(127\.|localhost|::1)", InsecureRequestWarning)


def aws_session() -> Any:
    """boto3's own session, by its own chain of credentials; the only place where they are read."""
    import boto3

    return boto3.Session()


def _aws_clients(place: Place, concurrency: int) -> tuple[Place, dict[str, Any], Objects]:
    from botocore.session import get_session

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
        clients = {service: session.client(service, region_name=region, config=config) for service in SERVICES}
        verify = get_session().get_config_variable("ca_bundle") or True
        return replace(place, reason=reason), clients, _objects(session, clients["s3"], verify=verify, proxies=True)
    except Exception as error:
        try:
            # Any: a variable with a strange value makes botocore raise what it will.
            raise_cloud_error("sts.GetCallerIdentity", error, whatever=True)
        except CloudError as said:
            raise SettingError(_unusable(said)) from error


def _unusable(error: CloudError) -> str:
    """What to say of an AWS that this machine's configuration does not lead to."""
    if error.code == "ConfigParseError":  # its message names the file
        expected, mends = "a configuration of AWS that can be read", "mend that file, or name another (AWS_CONFIG_FILE)"
    elif error.status or re.search("Credential|Profile|Token|SSO|Login", error.code):
        expected, mends = "credentials for AWS", "run `aws configure`"
    else:
        expected = "AWS to be reached with the settings of this machine"
        mends = "look at the network, the variables AWS_... and SSLKEYLOGFILE, and ~/.aws/config"
    return f"expected {expected}, got: {error}; {mends}, or leave --place aws out"


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
