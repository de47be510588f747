"""The clients of a real place, as they are made; nothing is asked."""

from __future__ import annotations

import warnings
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from aws_environment import AWS_ENVIRONMENT
from botocore.exceptions import ClientError
from urllib3.exceptions import InsecureRequestWarning

from palleto.cloud.place import Place
from palleto.cloud.places import session
from palleto.cloud.places.session import SERVICES, make_clients
from palleto.errors import SettingError

HERE = "127.0.0.1:9"


def made(name: str, url: str) -> dict[str, Any]:
    place = Place(name, url, "because it was named")
    same, clients, _ = make_clients(place, 200)
    assert same is place
    for client in clients.values():
        client.close()
    return clients


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What obstore's stores are made with."""
    settings_of: list[dict[str, Any]] = []

    class Seen(session.Stores):
        def __init__(self, client: Any, credentials: Any, **settings: Any) -> None:
            super().__init__(client, credentials, **settings)
            settings_of.append(settings)

    monkeypatch.setattr(session, "Stores", Seen)
    return settings_of


@pytest.mark.parametrize("name", ["embedded", "localstack", "endpoint"])
def test_a_local_place_has_settings_of_its_own(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in AWS_ENVIRONMENT.items():
        monkeypatch.setenv(variable, value)
    clients = made(name, f"http://{HERE}")
    assert set(clients) == set(SERVICES)
    for client in clients.values():
        config = client.meta.config
        assert client.meta.endpoint_url == f"http://{HERE}"
        assert client.meta.region_name == "us-east-1"
        assert config.proxies == {}
        assert client._request_signer._credentials.access_key == "test"
        assert client._request_signer._credentials.token is None
        assert config.user_agent.startswith("palleto")
        assert config.connect_timeout == 5
        assert 20 < config.read_timeout <= 60, "a long poll is answered after 20 s"
        assert config.max_pool_connections > 200
        assert config.retries == {"mode": "standard", "total_max_attempts": 4}
        assert config.s3 == {"addressing_style": "path"}
        assert (config.request_checksum_calculation, config.response_checksum_validation) == ("when_required",) * 2


def test_a_second_run_reads_no_description_of_a_service_again(monkeypatch: pytest.MonkeyPatch) -> None:
    made("embedded", f"http://{HERE}")
    monkeypatch.setattr("botocore.loaders.JSONFileLoader.load_file", lambda *_: pytest.fail("it was read"))
    made("embedded", f"http://{HERE}")


@pytest.mark.parametrize("name", ["embedded", "localstack"])
def test_a_local_place_is_on_this_machine(name: str) -> None:
    with pytest.raises(SettingError, match=r"expected an address of this machine, got http://192\.0\.2\.1:9"):
        made(name, "http://192.0.2.1:9")
    made("endpoint", "http://192.0.2.1:9")


@pytest.mark.parametrize(
    ("url", "verify"),
    [(f"http://{HERE}", True), (f"https://{HERE}", False), ("https://192.0.2.1:9", True), ("http://192.0.2.1:9", True)],
)
def test_a_certificate_is_verified_but_on_this_machine(
    url: str, verify: bool, seen: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def client(made: boto3.Session, *service: str, **settings: Any) -> Any:
        verified.append(settings["verify"])
        return make(made, *service, **settings)

    verified: list[bool] = []
    make = boto3.Session.client
    monkeypatch.setattr(boto3.Session, "client", client)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        made("endpoint", url)
        for host in ("127.0.0.1", "example.com"):
            warnings.warn(f"Unverified HTTPS request is being made to host '{host}'.", InsecureRequestWarning)  # noqa: B028
    assert seen == [{"verify": verify, "proxies": False}]
    assert verified == [verify] * len(SERVICES)
    assert ["127.0.0.1" in str(each.message) for each in told] == ([True, False] if verify else [False])


DENIED: Any = {"Error": {"Code": "AccessDenied", "Message": "no"}, "ResponseMetadata": {"HTTPStatusCode": 403}}


@pytest.mark.parametrize("code", ["AccessDenied", "ProfileNotFound", "TokenRetrievalError", "SSOError", "LoginError"])
def test_an_aws_that_lets_nobody_in(code: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What else may be wrong with one is in test_isolation.py."""

    def refused() -> None:
        raise ClientError(DENIED, "GetCallerIdentity") if code == "AccessDenied" else type(code, (Exception,), {})("no")

    monkeypatch.setattr(session, "aws_session", refused)
    with pytest.raises(SettingError, match=f"failed with {code}: no; run `aws configure`, or leave --place aws out"):
        make_clients(Place("aws", None, ""), 1)


class Aws:
    """boto3's session of a machine without a region, for which AWS's STS answers; `open`: its clients that are."""

    region_name = None

    def __init__(self) -> None:
        self.session = boto3.Session(aws_access_key_id="test", aws_secret_access_key="test")
        self.open: list[str] = []

    def client(self, service: str, *, region_name: str, config: Any) -> Any:
        assert config.ignore_configured_endpoint_urls
        self.open.append(service)
        if service != "sts":
            return self.session.client(service, region_name=region_name, config=config)
        who = {"Account": "42", "Arn": "arn:aws:iam::42:user/me"}
        return SimpleNamespace(get_caller_identity=lambda: who, close=lambda: self.open.remove("sts"))

    def get_credentials(self) -> Any:
        return self.session.get_credentials()


def test_aws_is_asked_with_the_certificates_and_proxies_of_this_machine(
    seen: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    aws = Aws()
    monkeypatch.setattr(session, "aws_session", lambda: aws)
    for bundle, verify in ((None, True), ("/certificates.pem", "/certificates.pem")):
        monkeypatch.delenv("AWS_CA_BUNDLE", raising=False)
        if bundle is not None:
            monkeypatch.setenv("AWS_CA_BUNDLE", bundle)
        place, clients, _ = make_clients(Place("aws", None, ""), 1)
        assert place.reason.startswith("AWS in us-east-1, account 42, as arn:aws:iam::42:user/me")
        assert clients["sqs"].meta.endpoint_url == "https://sqs.us-east-1.amazonaws.com"
        assert seen.pop() == {"verify": verify, "proxies": True}
    assert "sts" not in aws.open
