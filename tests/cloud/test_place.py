from __future__ import annotations

import http.server
import socket
import threading
from collections.abc import Iterator

import pytest
from aws_environment import AWS_ENVIRONMENT
from servers import free_port

from palleto import clock
from palleto.cloud import PLACES, choose, open_cloud
from palleto.cloud.place import Place, localstack_url
from palleto.cloud.places.session import make_clients
from palleto.errors import SettingError


class Health(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/_localstack/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def localstack() -> Iterator[str]:
    """The address of something that answers LocalStack's health check."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_where_none_is_named_it_is_localstack_if_that_answers_and_else_embedded(localstack: str) -> None:
    url = f"http://{localstack}"
    place = choose(environ={"LOCALSTACK_HOST": localstack})
    assert place == Place("localstack", url, f"LocalStack at {url}, because it answers there")
    assert str(place) == place.reason
    place = choose(environ={"LOCALSTACK_HOST": f"127.0.0.1:{free_port()}"})
    assert (place.name, place.endpoint) == ("embedded", None)


def test_localstack_of_another_machine_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palleto.cloud.place._healthy", pytest.fail)
    assert choose(environ={"LOCALSTACK_HOST": "192.0.2.1:4566"}).name == "embedded"


def test_aws_endpoint_url_is_heeded_on_this_machine_only(localstack: str) -> None:
    url, port = f"http://{localstack}", localstack.rpartition(":")[2]
    place = choose(environ={"AWS_ENDPOINT_URL": url})
    assert place == Place("localstack", url, f"LocalStack at {url}, because AWS_ENDPOINT_URL names it")
    place = choose("localstack", environ={"AWS_ENDPOINT_URL": f"http://localhost:{port}"})
    assert place == Place("localstack", url, f"LocalStack at {url}, because it was named")
    elsewhere = {"LOCALSTACK_HOST": localstack, "AWS_ENDPOINT_URL": "http://192.0.2.1:4566"}
    assert str(choose(environ=elsewhere)) == f"LocalStack at {url}, because it answers there"
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        place = choose(environ={"AWS_ENDPOINT_URL": url})
        assert place == Place("endpoint", url, f"endpoint {url}, because AWS_ENDPOINT_URL names it")
    with pytest.raises(SettingError, match=r"as AWS_ENDPOINT_URL says, .*palleto localstack up --port \d+"):
        choose(environ={"AWS_ENDPOINT_URL": url})


@pytest.mark.parametrize(
    ("environ", "url"),
    [
        ({}, "http://127.0.0.1:4566"),
        ({"LOCALSTACK_HOST": "localhost"}, "http://127.0.0.1:4566"),
        ({"LOCALSTACK_HOST": "localhost.localstack.cloud:4600"}, "http://127.0.0.1:4600"),
        ({"EDGE_PORT": "4601"}, "http://127.0.0.1:4601"),
        ({"EDGE_PORT": "4601", "LOCALSTACK_HOST": "127.0.0.1:4600"}, "http://127.0.0.1:4600"),
        ({"USE_SSL": "1", "EDGE_PORT": "4601"}, "https://127.0.0.1:4601"),
        ({"USE_SSL": "0"}, "http://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "https://localhost:4602", "LOCALSTACK_HOST": "x:1"}, "https://127.0.0.1:4602"),
        ({"AWS_ENDPOINT_URL": "http://[::1]:4603"}, "http://[::1]:4603"),
        ({"AWS_ENDPOINT_URL": "http://192.0.2.1:4602"}, "http://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "ftp://127.0.0.1:4602"}, "http://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:99999"}, "http://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "http://localhost"}, "http://127.0.0.1:80"),
        ({"AWS_ENDPOINT_URL": " https://127.0.0.2/ "}, "https://127.0.0.2:443"),
        ({"EDGE_PORT": "1"}, "http://127.0.0.1:1"),
        ({"EDGE_PORT": "65535", "USE_SSL": "true"}, "https://127.0.0.1:65535"),
        ({"EDGE_PORT": "", "LOCALSTACK_HOST": ""}, "http://127.0.0.1:4566"),
        ({"AWS_ENDPOINT_URL": "no url"}, "http://127.0.0.1:4566"),
        (AWS_ENVIRONMENT, "http://127.0.0.1:4566"),
    ],
)
def test_the_variables_of_localstacks_users(environ: dict[str, str], url: str) -> None:
    assert localstack_url(environ) == url


@pytest.mark.localstack
def test_localstack_over_tls(localstack_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a certificate of its own making, which nobody has signed; no warning comes of it."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setenv("LOCALSTACK_HOST", localstack_url.partition("://")[2])
    monkeypatch.setenv("USE_SSL", "1")

    async def main() -> str:
        async with open_cloud("localstack") as cloud:
            await cloud.s3.list_buckets()
            return str(cloud.place.endpoint)

    assert clock.run(main).startswith("https://127.0.0.1:")


def test_aws_is_named_by_word_only() -> None:
    assert choose("aws", environ={}) == Place("aws", None, "AWS, because place aws was named")
    with pytest.raises(SettingError, match="--place aws"):
        choose(environ={"PALLETO_PLACE": "aws"})


@pytest.mark.parametrize(
    "url",
    [
        "https://sqs.us-east-1.amazonaws.com",
        "https://AMAZONAWS.com.",
        "https://s3.cn-north-1.amazonaws.com.cn",
        "https://sqs.us-east-1.api.aws/",
        "https://sqs.eusc-de-east-1.amazonaws.eu",
    ],
)
@pytest.mark.parametrize("place", [None, "endpoint", "localstack"])
def test_amazon_is_no_endpoint(url: str, place: str | None) -> None:
    with pytest.raises(SettingError, match="AWS itself is --place aws"):
        choose(place, url)


def test_aws_without_credentials_is_one_clear_error(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(SettingError, match=r"^expected credentials for AWS, got: .*NoCredentialsError.*--place aws"):
        make_clients(Place("aws", None, ""), 4)


@pytest.mark.parametrize(
    ("place", "endpoint", "environ", "said"),
    [
        ("moto", None, {}, "expected a place, one of simulated, embedded, localstack, endpoint, aws; got 'moto'"),
        (None, None, {"PALLETO_PLACE": "mars"}, "got 'mars'"),
        ("aws", "http://127.0.0.1:1", {}, "got both"),
        ("simulated", "http://127.0.0.1:1", {}, "got both"),
        ("endpoint", None, {}, "got no URL"),
        (None, "127.0.0.1:5000", {}, "expected an endpoint like http://127.0.0.1:5000"),
        (None, "http://:5000", {}, "expected an endpoint like"),
        (None, "http://127.0.0.1:99999", {}, "expected an endpoint like"),
        (None, "ftp://127.0.0.1", {}, "expected an endpoint like"),
        ("localstack", "http://192.0.2.1:4566", {}, "use --endpoint http://192.0.2.1:4566"),
        ("localstack", None, {"LOCALSTACK_HOST": "127.0.0.1:x"}, "HOST:PORT, got '127.0.0.1:x'"),
        *(
            ("localstack", None, {"EDGE_PORT": port}, f"expected EDGE_PORT as a port, got '{port}'")
            for port in ("70000", "65536", "0", "-1")
        ),
    ],
)
def test_settings_that_cannot_be_used(
    place: str | None, endpoint: str | None, environ: dict[str, str], said: str
) -> None:
    with pytest.raises(SettingError) as caught:
        choose(place, endpoint, environ)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_what_answers_otherwise_is_no_localstack(localstack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_port()}")
    monkeypatch.delenv("no_proxy", raising=False)
    assert choose("localstack", f"http://{localstack}").name == "localstack", "no proxy is asked"
    with pytest.raises(SettingError, match="got no answer"):
        choose("localstack", f"http://{localstack}/elsewhere")


@pytest.mark.parametrize(
    ("url", "port", "error", "said"),
    [
        ("http://127.0.0.2", 80, ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        ("https://127.0.0.2", 443, TimeoutError("timed out"), "timed out"),  # it has no number, as socket raises it
        ("https://127.0.0.2:5000", 5000, TimeoutError("timed out"), "timed out"),
    ],
)
def test_an_endpoint_is_asked_at_its_port_and_what_is_wrong_is_told(
    url: str, port: int, error: OSError, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(address: tuple[str, int], timeout: float) -> None:
        assert address == ("127.0.0.2", port)
        raise error

    monkeypatch.setattr("socket.create_connection", refuse)
    with pytest.raises(SettingError, match=f"^expected a server at {url}, got {said}; start it"):
        choose(endpoint=url)


def test_a_named_place_that_does_not_answer(localstack: str) -> None:
    port = free_port()
    with pytest.raises(SettingError, match=rf"start it: palleto localstack up --port {port}"):
        choose("localstack", environ={"LOCALSTACK_HOST": f"127.0.0.1:{port}"})
    with pytest.raises(SettingError, match="leave --endpoint out"):
        choose(endpoint=f"http://127.0.0.1:{port}")
    for host in (localstack, localstack.replace("127.0.0.1", "localhost")):
        assert choose("localstack", f"http://{host}") == Place(
            "localstack", f"http://{host}", f"LocalStack at http://{host}, because it was named"
        )
    assert choose(endpoint=f"http://{localstack}/").endpoint == f"http://{localstack}"


async def test_named_in_the_environment(backend: str, monkeypatch: pytest.MonkeyPatch, localstack: str) -> None:
    monkeypatch.setenv("PALLETO_PLACE", "simulated")
    async with open_cloud() as cloud:
        assert cloud.place.name == "simulated"
    assert choose(endpoint=f"http://{localstack}").name == "endpoint", "what is said for this run wins"
    assert set(PLACES) == {"simulated", "embedded", "localstack", "endpoint", "aws"}


async def test_a_concurrency_of_none(backend: str) -> None:
    with pytest.raises(SettingError, match="expected a concurrency of 1 or more, got 0"):
        await open_cloud("simulated", concurrency=0).__aenter__()
