"""Objects are asked for as boto3 does; what is not plainly a whole object is left to it, and damage is no count."""

from __future__ import annotations

import gzip
import hashlib
import http.server
import ipaddress
import random
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import example, given, settings
from hypothesis import strategies as st

from palleto import BadFile, CloudError
from palleto.cloud import open_cloud
from palleto.cloud.clients import Client, Downloads, Objects, Origin, objects
from palleto.cloud.clients.boto import BotoTransport
from palleto.cloud.place import Place
from palleto.cloud.places.session import make_clients
from palleto.cloud.places.stores import Stores
from palleto.files import Spool, Zipped, count_lines

Handler = http.server.BaseHTTPRequestHandler
Answer = Callable[[Handler], None]


def answering(status: int, body: bytes = b"", **headers: str) -> Answer:
    def answer(handler: Handler) -> None:
        handler.send_response(status)
        for name, text in headers.items():
            handler.send_header(name.replace("_", "-"), text)
        handler.end_headers()
        if handler.command == "GET":
            handler.wfile.write(body)

    return answer


def etag(data: bytes) -> str:
    return f'"{hashlib.md5(data).hexdigest()}"'


def an_object(data: bytes, came: bytes | None = None, **headers: str) -> Answer:
    """An object, and what comes of it."""
    said = {
        "Content_Length": str(len(data)),
        "Content_Type": "application/gzip",
        "ETag": etag(data),
        "Last_Modified": "Wed, 20 Jul 2016 00:00:00 GMT",
        "x_amz_meta_owner": "somebody",
    }
    return answering(200, data if came is None else came, **{**said, **headers})


class S3:
    """A server that answers as it is told to, and remembers what it was asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.answer = an_object(b"hello")
        self.asked: list[tuple[str, dict[str, str]]] = []

    @property
    def askers(self) -> list[str]:
        """Who sent each request."""
        return ["boto3" if "amz-sdk-invocation-id" in headers else "obstore" for _, headers in self.asked]


@contextmanager
def serving(tls: ssl.SSLContext | None = None) -> Iterator[S3]:
    class Canned(Handler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:  # noqa: N802
            s3.asked.append((self.path, {name.lower(): text for name, text in self.headers.items()}))
            self.close_connection = True
            s3.answer(self)

        def do_HEAD(self) -> None:  # noqa: N802
            self.close_connection = True
            s3.answer(self)

        def end_headers(self) -> None:
            self.send_header("Connection", "close")  # said, or the next request may go where nobody listens any more
            super().end_headers()

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Canned) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        s3 = S3(f"{'https' if tls else 'http'}://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield s3
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="module")
def serving_clients() -> Iterator[tuple[S3, Any, Objects]]:
    """A server, boto3's client of it, and the objects there."""
    with serving() as s3:
        _, clients, here = make_clients(Place("endpoint", s3.url, ""), 4)
        yield s3, clients["s3"], here
        here.close()
        for client in clients.values():
            client.close()


@pytest.fixture
def s3(serving_clients: tuple[S3, Any, Objects]) -> S3:
    server, _, _ = serving_clients
    server.answer = an_object(b"hello")
    server.asked.clear()
    return server


@pytest.fixture
def boto(serving_clients: tuple[S3, Any, Objects]) -> Any:
    return serving_clients[1]


@pytest.fixture
def here(serving_clients: tuple[S3, Any, Objects]) -> Objects:
    return serving_clients[2]


def signed(headers: dict[str, str]) -> tuple[str, str]:
    """Who signed, and for which region and service; the rest depends on the time and on the headers."""
    algorithm, credential, *_ = headers["authorization"].replace(",", " ").split()
    return algorithm, credential


NAMES = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="/"), min_size=1, max_size=20)
STRANGE = st.text(alphabet=" +%#?&=()'!*[]{}|^~\\\"`<>:;,@$._-aü日\U0001f600", min_size=1, max_size=20)
SEGMENTS = st.one_of(NAMES, STRANGE, st.sampled_from(["", ".", "..", "...", "%2F", "%2e", "\t", "\x7f"]))


def test_a_key_is_asked_for_where_boto3_asks_for_it_or_not_at_all(s3: S3, boto: Any, here: Objects) -> None:
    @settings(deadline=None, max_examples=50)
    @given(
        st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join).filter(bool),
        st.sampled_from([None, "3HL4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"]),
    )
    @example("packrat/data/20160720.gz", None)
    @example("a b+c%#?&=()'!*[]{}|^~\\\"'/日本ü", "v")
    def same(key: str, version: str | None) -> None:
        s3.asked.clear()
        name = {"Bucket": "a.bucket", "Key": key} | ({} if version is None else {"VersionId": version})
        got = here.get(name)
        bent = bool({"", ".", ".."} & set(key.split("/"))) or any(ord(each) < 32 or each == "\x7f" for each in key)
        assert (got is None) == bent
        if got is None:
            assert s3.asked == []
            return
        long = boto.get_object(**name)
        [(path, headers), (boto_path, boto_headers)] = s3.asked
        assert s3.askers == ["obstore", "boto3"]
        assert path == boto_path
        assert signed(headers) == signed(boto_headers)
        assert headers["host"] == boto_headers["host"]
        for field in ("ContentLength", "ETag", "LastModified", "ContentType", "Metadata"):
            assert got[field] == long[field]
        assert got["Body"].read() == long["Body"].read() == b"hello"

    same()


@pytest.mark.parametrize(
    "arguments",
    [
        {"Bucket": "arn:aws:s3:us-east-1:123456789012:accesspoint/a b", "Key": "k"},
        {"Bucket": "", "Key": "k"},
        {"Bucket": "bucket"},
        {"Bucket": "bucket", "Key": 3},
        {"Bucket": "bucket", "Key": "k", "Range": "bytes=0-1"},
    ],
)
def test_what_is_no_plain_request_is_left_to_boto3(s3: S3, here: Objects, arguments: dict[str, Any]) -> None:
    assert here.get(arguments) is None
    assert s3.asked == []


NO_OBJECTS: dict[str, Answer] = {
    "missing": answering(404, Content_Length="0"),
    "denied": answering(403, b"<Error><Code>AccessDenied</Code></Error>", Content_Length="40"),
    "elsewhere": answering(307, Location="/elsewhere", Content_Length="0"),
    "endless": answering(200, b"hello", ETag=etag(b"hello")),
    "of several parts": an_object(b"hello", ETag=f'{etag(b"hello")[:-1]}-2"'),
    "without an ETag": answering(200, b"hello", Content_Length="5"),
    "of another MD5": an_object(b"hello", b"hallo"),
    "cut off": an_object(b"hello", b"hell"),
    "nothing": lambda handler: None,
    "noise": lambda handler: handler.wfile.write(b"\0\1\2\r\n\r\n"),
}


@pytest.mark.parametrize("answer", NO_OBJECTS)
def test_what_is_not_plainly_an_object_is_left_to_boto3(s3: S3, here: Objects, answer: str) -> None:
    s3.answer = NO_OBJECTS[answer]
    assert here.get({"Bucket": "bucket", "Key": "k"}) is None
    assert s3.asked[0][0] == "/bucket/k"


def test_a_server_that_is_not_there_is_left_to_boto3() -> None:
    _, clients, nowhere = make_clients(Place("endpoint", "http://127.0.0.1:9", ""), 4)
    assert nowhere.get({"Bucket": "bucket", "Key": "k"}) is None
    for client in clients.values():
        client.close()


def test_an_error_is_boto3s(s3: S3, boto: Any, here: Objects) -> None:
    body = b"<Error><Code>NoSuchKey</Code><Message>It is gone.</Message></Error>"
    s3.answer = answering(404, body, Content_Length=str(len(body)))
    with pytest.raises(CloudError, match="failed with NoSuchKey: It is gone") as error:
        BotoTransport(boto, objects=here).blocking("s3.GetObject", "get_object", {"Bucket": "b", "Key": "k"}, None)
    assert error.value.status == 404
    assert s3.askers == ["obstore", "boto3"]


def fetch(s3: S3, boto: Any, here: Objects, folder: Path) -> tuple[Any, int | None]:
    """Download the object, and count its lines."""

    async def main() -> tuple[Any, int | None]:
        client, spool = Client("s3", BotoTransport(boto, objects=here)), Spool(folder)
        downloads = Downloads(client, anyio.to_thread.run_sync, spool, 1 << 20)
        (found,) = await downloads.several([Origin("bucket", "k", None, "")])
        try:
            return found, count_lines(found) if isinstance(found, Path | Zipped) else None
        except BadFile as error:
            return error, None

    return anyio.run(main)


LINES = 300
TEXT = b"".join(random.Random(number).randbytes(12).hex().encode() + b"\n" for number in range(LINES))
DATA = gzip.compress(TEXT[:4000], mtime=0) + gzip.compress(TEXT[4000:], mtime=0)


def flipped(data: bytes, bit: int) -> bytes:
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


@pytest.mark.parametrize("whole", [True, False], ids=["in memory", "as a stream"])
def test_a_bit_that_is_flipped_on_the_way_is_never_a_count(
    s3: S3, boto: Any, here: Objects, tmp_path: Path, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "WHOLE", 1 << 20 if whole else 1000)

    @settings(deadline=None, max_examples=30)
    @given(st.integers(0, 8 * len(DATA) - 1), st.integers(1, 5))
    @example(8 * len(gzip.compress(TEXT[:4000])), 5)  # the first byte of the second member
    def never(bit: int, times: int) -> None:
        s3.asked.clear()
        bad, good = an_object(DATA, flipped(DATA, bit)), an_object(DATA)
        s3.answer = lambda handler: (bad if len(s3.asked) <= times else good)(handler)
        found, lines = fetch(s3, boto, here, tmp_path)
        if times < 3:
            assert lines == LINES
        elif lines is None:
            assert isinstance(found, CloudError | BadFile)
            assert 3 <= len(s3.asked) <= 4
        else:
            assert lines == LINES

    never()


def test_a_stream_of_another_object_is_no_count_although_it_is_good_gzip(
    s3: S3, boto: Any, here: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "WHOLE", 1000)
    s3.answer = an_object(gzip.compress(TEXT[::-1]), ETag=etag(DATA))
    found, lines = fetch(s3, boto, here, tmp_path)
    assert (getattr(found, "code", found), lines) == ("BadDigest", None)


def test_a_file_that_is_bad_as_it_is_in_s3_is_fetched_once(s3: S3, boto: Any, here: Objects, tmp_path: Path) -> None:
    s3.answer = an_object(b"not gzip")
    found, _ = fetch(s3, boto, here, tmp_path)
    assert isinstance(found, BadFile)
    assert s3.askers == ["obstore"]


@pytest.mark.parametrize("whole", [True, False], ids=["in memory", "as a stream"])
def test_an_etag_that_is_no_md5_as_the_object_is_encrypted_is_not_compared(
    s3: S3, tmp_path: Path, whole: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "WHOLE", 1 << 20 if whole else 1000)
    _, clients, here = make_clients(Place("endpoint", s3.url, ""), 4)
    s3.answer = an_object(DATA, ETag=etag(b"else"), x_amz_server_side_encryption="aws:kms")
    for _ in range(2):
        assert fetch(s3, clients["s3"], here, tmp_path)[1] == LINES
    assert s3.askers == ["obstore", "boto3", "boto3"], "its bucket is left to boto3"
    assert all(headers["x-amz-checksum-mode"] == "ENABLED" for _, headers in s3.asked[1:])
    for client in clients.values():
        client.close()


def test_s3s_checksum_is_compared_where_the_etag_is_no_md5(s3: S3, boto: Any, here: Objects, tmp_path: Path) -> None:
    parts = {"ETag": f'{etag(DATA)[:-1]}-2"', "x_amz_checksum_crc32": "AAAAAA=="}
    s3.answer = an_object(DATA, **parts)
    found, _ = fetch(s3, boto, here, tmp_path)
    assert isinstance(found, CloudError)
    assert found.code == "FlexibleChecksumError"
    assert s3.askers == ["obstore", "boto3"] * 3


def test_a_stream_that_breaks_off_is_taken_up_if_it_is_the_same_object(
    s3: S3, boto: Any, here: Objects, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects, "WHOLE", 1000)
    monkeypatch.setattr("palleto.cloud.clients.boto.backoff", lambda *attempt: 0.0)

    def answer(handler: Handler) -> None:
        asked = handler.headers.get("Range")
        if asked is None:
            an_object(DATA, DATA[: len(DATA) // 2])(handler)
        else:
            start = int(asked.removeprefix("bytes=").removesuffix("-"))
            assert handler.headers["If-Match"] == etag(DATA)
            said = {"Content_Range": f"bytes {start}-{len(DATA) - 1}/{len(DATA)}", "ETag": etag(DATA)}
            answering(206, DATA[start:], Content_Length=str(len(DATA) - start), **said)(handler)

    s3.answer = answer
    assert fetch(s3, boto, here, tmp_path)[1] == LINES
    assert s3.askers == ["obstore", "boto3"]


# ---- as boto3 is set


def test_no_local_place_heeds_the_environment(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "")
    monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "somebody's")
    _, clients, here = make_clients(Place("endpoint", s3.url, ""), 4)
    assert here.get({"Bucket": "bucket", "Key": "k"}) is not None
    assert signed(s3.asked[0][1])[1].startswith("Credential=test/")
    for client in clients.values():
        client.close()


@pytest.fixture
def certificates(tmp_path: Path) -> tuple[ssl.SSLContext, str]:
    """A server's certificate, and a file with that of who has signed it."""
    now, names = datetime.now(UTC), x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    signer, server = (x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)]) for name in ("signer", "server"))
    signed = [
        x509.CertificateBuilder(
            signer, subject, key.public_key(), x509.random_serial_number(), now - timedelta(1), now + timedelta(1)
        )
        .add_extension(extension, critical=True)
        .sign(keys[0], SHA256())
        for subject, key, extension in (
            (signer, keys[0], x509.BasicConstraints(ca=True, path_length=None)),
            (server, keys[1], names),
        )
    ]
    bundle, own = tmp_path / "bundle.pem", tmp_path / "own.pem"
    bundle.write_bytes(signed[0].public_bytes(Encoding.PEM))
    private = keys[1].private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    own.write_bytes(private + signed[1].public_bytes(Encoding.PEM))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(own)
    return tls, str(bundle)


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_a_certificate_is_as_good_as_it_is_for_boto3(certificates: tuple[ssl.SSLContext, str]) -> None:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import SSLError
    from obstore.auth.boto3 import Boto3CredentialProvider

    tls, bundle = certificates
    session = boto3.Session("key", "secret", region_name="eu-west-1")
    with serving(tls) as s3:
        for verify in (True, bundle, False):
            config = Config(proxies={}, retries={"total_max_attempts": 1})
            client = session.client("s3", endpoint_url=s3.url, verify=verify, config=config)
            here = Objects(Stores(client, Boto3CredentialProvider(session), verify=verify, proxies=False).make)
            got = here.get({"Bucket": "bucket", "Key": "k"})
            if verify is True:
                assert got is None
                with pytest.raises(SSLError):
                    client.get_object(Bucket="bucket", Key="k")
            else:
                assert got is not None
                assert client.get_object(Bucket="bucket", Key="k")["Body"].read() == b"hello"
            client.close()


@pytest.mark.parametrize(
    ("bucket", "region", "more"),
    [
        ("a.bucket", "us-east-1", {}),
        ("bucket", "cn-north-1", {}),
        ("bucket", "eu-west-1", {"s3": {"addressing_style": "path"}}),
        ("a.bucket", "eu-west-1", {"s3": {"addressing_style": "virtual"}}),
        ("bucket", "eu-west-1", {"s3": {"use_accelerate_endpoint": True}}),
        ("bucket", "eu-west-1", {"use_dualstack_endpoint": True}),
        ("bucket", "us-east-1", {"use_fips_endpoint": True}),
    ],
)
def test_on_aws_address_region_credentials_and_proxy_are_boto3s(
    s3: S3, bucket: str, region: str, more: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server is the proxy here, and AWS is asked without TLS."""
    import boto3
    from botocore.config import Config
    from obstore.auth.boto3 import Boto3CredentialProvider

    for variable in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(variable, s3.url)
    for variable in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(variable, "localhost")
    session = boto3.Session("key", "secret", "token")
    client = session.client("s3", region_name=region, use_ssl=False, config=Config(**more))
    here = Objects(Stores(client, Boto3CredentialProvider(session), verify=True, proxies=True).make)
    assert here.get({"Bucket": bucket, "Key": "a/k+1"}) is not None
    client.get_object(Bucket=bucket, Key="a/k+1")
    (path, headers), (boto_path, boto_headers) = s3.asked
    assert s3.askers == ["obstore", "boto3"]
    assert path == boto_path
    assert ".amazonaws.com" in path
    assert signed(headers) == signed(boto_headers)
    assert headers["x-amz-security-token"] == boto_headers["x-amz-security-token"] == "token"
    client.close()


def test_the_door_closes_them(s3: S3, backend: str) -> None:
    made: list[Objects] = []
    close = Objects.close

    async def main() -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(Objects, "close", lambda objects: (made.append(objects), close(objects)))
            async with open_cloud(endpoint=s3.url) as cloud:
                await cloud.s3.get_object(Bucket="bucket", Key="k")

    anyio.run(partial(main), backend=backend)
    assert [repr(each) for each in made] == ["<Objects in no bucket yet>"]
