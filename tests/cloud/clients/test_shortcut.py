"""The short cut asks as boto3 would, and leaves to boto3 whatever is not plainly an object."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from palleto import CloudError
from palleto.cloud.clients.boto import BotoTransport
from palleto.cloud.clients.shortcut import Shortcut
from palleto.cloud.place import Place
from palleto.cloud.places.session import make_clients, make_shortcut

Answer = Callable[[http.server.BaseHTTPRequestHandler], None]


def an_object(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "5")
    handler.send_header("ETag", '"e"')
    handler.end_headers()
    handler.wfile.write(b"hello")


class S3:
    """A server that answers as it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.answer: Answer = an_object
        self.asked: list[tuple[str, dict[str, str]]] = []


@contextmanager
def serving() -> Iterator[tuple[S3, Any, Shortcut]]:
    """The server, boto3's client of it, and the short cut to it."""
    s3 = S3()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            s3.asked.append((self.path, {name.lower(): text for name, text in self.headers.items()}))
            s3.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        place = Place("endpoint", f"http://127.0.0.1:{server.server_address[1]}", "")
        _, clients = make_clients(place, 4)
        shortcut = make_shortcut(place, clients)
        assert shortcut is not None
        try:
            yield s3, clients["s3"], shortcut
        finally:
            shortcut.close()
            for client in clients.values():
                client.close()
            server.shutdown()
            thread.join()


def signed(headers: dict[str, str]) -> tuple[str, str]:
    """Who signed, and for which region and service; the rest depends on the time and on the headers."""
    algorithm, credential, *_ = headers["authorization"].split()
    return algorithm, credential


NAMES = st.text(alphabet=st.characters(codec="utf-8"), min_size=1, max_size=20)
SEGMENTS = st.one_of(NAMES, st.sampled_from(["", ".", "..", "...", "a b", "a+b", "%2F", "ü", "~", "a?b", "a#b", "\\"]))


def test_it_asks_for_what_boto3_asks_for_or_not_at_all() -> None:
    with serving() as (s3, boto, shortcut):

        @given(st.lists(SEGMENTS, min_size=1, max_size=4).map("/".join).filter(bool))
        @example("packrat/data/20160720.gz")
        @example("./a")
        @example("a//b")
        @example("a/")
        def same(key: str) -> None:
            s3.asked.clear()
            short = shortcut.get_object(Bucket="a.bucket", Key=key)
            bent = bool({"", ".", ".."} & set(key.split("/")))
            assert (short is None) == bent
            if short is None:
                assert s3.asked == []
                return
            long = boto.get_object(Bucket="a.bucket", Key=key)
            [(path, headers), (boto_path, boto_headers)] = s3.asked
            assert path == boto_path
            assert signed(headers) == signed(boto_headers)
            assert headers["host"] == boto_headers["host"]
            for name in ("ContentLength", "ETag"):
                assert short[name] == long[name]
            assert short["Body"].read() == long["Body"].read() == b"hello"

        same()


@pytest.mark.parametrize("bucket", ["arn:aws:s3:us-east-1:123456789012:accesspoint/a", "..", "a/b", "", "a\n"])
def test_a_name_that_is_no_buckets_is_left_to_boto3(bucket: str) -> None:
    with serving() as (s3, _, shortcut):
        assert shortcut.get_object(Bucket=bucket, Key="k") is None
        assert s3.asked == []


def missing(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_error(404)


def elsewhere(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(307)
    handler.send_header("Location", f"http://127.0.0.1:{handler.server.server_address[1]}/elsewhere")  # type: ignore[attr-defined]
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def endless(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(200)
    handler.end_headers()
    handler.wfile.write(b"hello")


def partial(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.send_response(206)
    handler.send_header("Content-Length", "5")
    handler.end_headers()
    handler.wfile.write(b"hello")


def nothing(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def noise(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.wfile.write(b"\0\1\2\r\n\r\n")


@pytest.mark.parametrize("answer", [missing, elsewhere, endless, partial, nothing, noise], ids=lambda f: f.__name__)
def test_what_is_not_plainly_an_object_is_left_to_boto3(answer: Answer) -> None:
    with serving() as (s3, _, shortcut):
        s3.answer = answer
        assert shortcut.get_object(Bucket="bucket", Key="k") is None
        assert [path for path, _ in s3.asked] == ["/bucket/k"]


def test_a_download_asks_boto3_what_the_short_cut_does_not_know() -> None:
    with serving() as (s3, boto, shortcut):
        transport = BotoTransport(boto, shortcut=shortcut)
        s3.answer = missing
        with pytest.raises(CloudError, match="404"):
            transport.download("bucket", "k")
        assert len(s3.asked) == 2
        s3.answer = an_object
        assert transport.download("bucket", "k")["Body"].read() == b"hello"
        assert len(s3.asked) == 3
        assert transport.download("bucket", "a//b")["Body"].read() == b"hello"


def test_a_body_that_is_cut_off_is_an_error_as_boto3_has_it() -> None:
    def cut(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "6")
        handler.end_headers()
        handler.wfile.write(b"hello")

    with serving() as (s3, boto, shortcut):
        s3.answer = cut
        codes = []
        for transport in (BotoTransport(boto, shortcut=shortcut), BotoTransport(boto)):
            with pytest.raises(CloudError) as error:
                transport.download("bucket", "k")["Body"].read()
            codes.append(error.value.code)
        assert codes[0] == codes[1]


def test_a_server_that_is_not_there_is_left_to_boto3() -> None:
    place = Place("endpoint", "http://127.0.0.1:9", "")
    _, clients = make_clients(place, 4)
    shortcut = make_shortcut(place, clients)
    assert shortcut is not None
    assert shortcut.get_object(Bucket="bucket", Key="k") is None
    for closable in (shortcut, *clients.values()):
        closable.close()


def test_there_is_none_to_aws() -> None:
    assert make_shortcut(Place("aws", None, ""), {}) is None
