"""Where a run's requests go, and why: the five places, and the one rule that keeps a run away from AWS.

The rules, in this order:

1. AWS is reached only when the caller says `place="aws"`. No environment variable leads there, and an endpoint
   of Amazon's is refused.
2. An endpoint is taken only as the caller named it (`endpoint="http://127.0.0.1:5000"`).
3. A place that was named is used or refused; it is never replaced by another.
4. With neither, and no `PALLETO_PLACE`: LocalStack when it answers on its port within 0.3 s, else embedded.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from palleto.errors import SettingError

PLACES = ("simulated", "embedded", "localstack", "endpoint", "aws")

HEALTH_TIMEOUT = 0.3  # seconds; LocalStack answers on loopback in under 10 ms
CONNECT_TIMEOUT = 2.0  # seconds; an endpoint of the user's may be on another machine
AMAZON = (".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".amazonaws.eu")


@dataclass(frozen=True)
class Place:
    """Where a run's requests go.

    `name` is one of `PLACES`; `endpoint` the URL that is asked (None for simulated and AWS, and for embedded
    until its server runs); `reason` one line that says which place it is and why.
    """

    name: str
    endpoint: str | None
    reason: str

    def __str__(self) -> str:
        return self.reason


def choose(place: str | None = None, endpoint: str | None = None, environ: Mapping[str, str] = os.environ) -> Place:
    """The place to use, by the rules above; it blocks for at most 2 s, while it asks whether a server is there.

    Raises `SettingError` when the settings contradict each other or a named place does not answer.
    """
    place = named_place(place, endpoint, environ)
    if place is not None and place not in PLACES:
        raise SettingError(f"expected a place, one of {', '.join(PLACES)}; got {place!r}")
    if endpoint is not None and place in ("simulated", "embedded", "aws"):
        raise SettingError(
            f"expected either --place {place} or --endpoint, got both; leave one of them out ({endpoint})"
        )
    if place == "localstack":
        return _localstack(endpoint, environ)
    if place == "endpoint" or endpoint is not None:
        return _endpoint(endpoint)
    if place == "aws":
        return Place("aws", None, "AWS, because place aws was named")
    if place is not None:
        return Place(place, None, f"{place}, because it was named")
    url = localstack_url(environ)
    if is_loopback(url) and _healthy(url):
        return Place("localstack", url, f"LocalStack at {url}, because it answers there")
    return Place("embedded", None, "embedded moto server, because no LocalStack answers at " + url)


def named_place(place: str | None, endpoint: str | None, environ: Mapping[str, str] = os.environ) -> str | None:
    """The place that was named, by an argument or by `PALLETO_PLACE`; None when none was, or an endpoint was."""
    if place is not None or endpoint is not None:
        return place
    place = environ.get("PALLETO_PLACE") or None
    if place == "aws":
        # Rule 1: a variable that was exported last week is not a word said for this run.
        raise SettingError("expected AWS to be named for each run, got PALLETO_PLACE=aws; use --place aws")
    return place


def localstack_url(environ: Mapping[str, str] = os.environ) -> str:
    """LocalStack's URL: `http://127.0.0.1:4566`, or as `LOCALSTACK_HOST` and `USE_SSL` say.

    localstack-client reads those two variables, but lets AWS_ENDPOINT_URL override them; so only its parser of
    a host and its default port are used, and AWS_ENDPOINT_URL leads nowhere.
    """
    from localstack_client.config import parse_localstack_host

    try:
        host, port = parse_localstack_host(environ.get("LOCALSTACK_HOST") or "127.0.0.1")
    except RuntimeError as error:
        raise SettingError(f"expected LOCALSTACK_HOST as HOST:PORT, got {environ['LOCALSTACK_HOST']!r}") from error
    if host in ("localhost", "localhost.localstack.cloud"):
        host = "127.0.0.1"  # both are this machine; a name would cost a look-up, and tries ::1 first
    scheme = "https" if environ.get("USE_SSL") in ("1", "true") else "http"
    return f"{scheme}://{host}:{port}"


def _localstack(endpoint: str | None, environ: Mapping[str, str]) -> Place:
    url = _checked(endpoint) if endpoint is not None else localstack_url(environ)
    if not is_loopback(url):
        raise SettingError(f"expected LocalStack on this machine, got {url}; use --endpoint {url} instead")
    if not _healthy(url):
        raise SettingError(
            f"expected LocalStack at {url}, got no answer; start it, or leave --place localstack out "
            "to use the embedded server"
        )
    return Place("localstack", url, f"LocalStack at {url}, because it was named")


def _endpoint(endpoint: str | None) -> Place:
    if endpoint is None:
        raise SettingError("expected --endpoint URL with --place endpoint, got no URL")
    url = _checked(endpoint)
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((str(parts.hostname), port), CONNECT_TIMEOUT).close()
    except OSError as error:
        raise SettingError(
            f"expected a server at {url}, got {error.strerror or error}; start it, or leave --endpoint out "
            "to use the embedded server"
        ) from error
    return Place("endpoint", url, f"endpoint {url}, because it was named")


def _checked(url: str) -> str:
    """The URL, when it is one of http or https with a host that is not Amazon's."""
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname, parts.scheme
        _ = parts.port  # raises ValueError when it is not a number below 65536
    except ValueError:
        host = scheme = None
    if scheme not in ("http", "https") or not host:
        raise SettingError(f"expected an endpoint like http://127.0.0.1:5000, got {url!r}")
    if f".{host.rstrip('.').lower()}".endswith(AMAZON):
        raise SettingError(f"expected an endpoint that is not AWS, got {url}; AWS itself is --place aws")
    return url.rstrip("/")


def is_loopback(url: str) -> bool:
    """Whether a URL's host is this machine, by its literal address or the name `localhost`; no look-up."""
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _healthy(url: str) -> bool:
    # No proxies: a proxy could answer in LocalStack's stead, and loopback is never behind one.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(f"{url}/_localstack/health", timeout=HEALTH_TIMEOUT) as response:
            return bool(response.status == 200)
    except (OSError, ValueError, urllib.error.URLError):
        return False
