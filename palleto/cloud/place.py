"""Where a run's requests go, and why: the five places, and the one rule that keeps a run away from AWS.

The rules, in this order:

1. AWS is reached only when the caller says `place="aws"`. No environment variable leads there, and an endpoint
   of Amazon's is refused.
2. An endpoint on another machine is taken only as the caller named it (`endpoint="http://192.0.2.1:5000"`).
3. A place that was named is used or refused; it is never replaced by another.
4. With neither, and no `PALLETO_PLACE`: the server at `AWS_ENDPOINT_URL` if that names this machine, and is ignored
   if not; else LocalStack when it answers on its port within 0.3 s; else embedded.

LocalStack's port is told by its users' variables, as `localstack-client` reads them. Of that package only the parser is
used: its sessions read the user's AWS profile, and go wherever AWS_ENDPOINT_URL points.
"""

from __future__ import annotations

import ipaddress
import os
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from palleto.errors import SettingError

PLACES = ("simulated", "embedded", "localstack", "endpoint", "aws")

HEALTH_TIMEOUT = 0.3  # seconds; LocalStack answers on loopback in under 10 ms
CONNECT_TIMEOUT = 2.0  # seconds; an endpoint of the user's may be on another machine
START = "palleto localstack up"
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
    if url := _named_here(environ):
        return _at_endpoint_url(url)
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
    """LocalStack's URL, by its users' variables: `http://127.0.0.1:4566` without any.

    - `AWS_ENDPOINT_URL`, if it names this machine;
    - else `LOCALSTACK_HOST` (`HOST` or `HOST:PORT`), else `EDGE_PORT` on this machine;
    - `USE_SSL=1` makes it https; its certificate is LocalStack's own, and is not verified on this machine.

    Raises `SettingError` for a port that is not a number below 65536.
    """
    if url := _named_here(environ):
        return url
    from localstack_client.config import parse_localstack_host

    name = "LOCALSTACK_HOST" if environ.get("LOCALSTACK_HOST") else "EDGE_PORT"
    given = environ.get("LOCALSTACK_HOST") or "127.0.0.1:" + (environ.get("EDGE_PORT") or "4566")
    try:
        host, port = parse_localstack_host(given)
    except RuntimeError:
        port = -1
    if not 0 < port < 65536:
        expected = "HOST:PORT" if name == "LOCALSTACK_HOST" else "a port"
        raise SettingError(f"expected {name} as {expected}, got {environ[name]!r}")
    scheme = "https" if environ.get("USE_SSL") in ("1", "true") else "http"
    return f"{scheme}://{_address(host)}:{port}"


def _address(host: str) -> str:
    # Both are this machine; a name would cost a look-up, which may leave it, or try ::1 first.
    return "127.0.0.1" if host in ("localhost", "localhost.localstack.cloud") else host


def _named_here(environ: Mapping[str, str]) -> str | None:
    """AWS_ENDPOINT_URL, if it names this machine; rule 1 and 2 forbid any other."""
    try:
        parts = urlsplit(environ.get("AWS_ENDPOINT_URL", "").strip())
        host, port = _address(parts.hostname or ""), parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError:
        return None
    url = f"{parts.scheme}://[{host}]:{port}" if ":" in host else f"{parts.scheme}://{host}:{port}"
    return url if parts.scheme in ("http", "https") and is_loopback(url) else None


def _at_endpoint_url(url: str) -> Place:
    """The server that AWS_ENDPOINT_URL names, on this machine: LocalStack if it answers as such."""
    if _healthy(url):
        return Place("localstack", url, f"LocalStack at {url}, because AWS_ENDPOINT_URL names it")
    if error := _unreachable(url):
        raise SettingError(
            f"expected a server at {url}, as AWS_ENDPOINT_URL says, got {error}; start it ({start_command(url)}), "
            "or use --place embedded"
        )
    return Place("endpoint", url, f"endpoint {url}, because AWS_ENDPOINT_URL names it")


def start_command(url: str) -> str:
    """The command that starts LocalStack at a URL of this machine.

    >>> start_command("http://127.0.0.1:4566"), start_command("http://127.0.0.1:4600")
    ('palleto localstack up', 'palleto localstack up --port 4600')
    """
    port = urlsplit(url).port
    return START if port == 4566 else f"{START} --port {port}"


def _localstack(endpoint: str | None, environ: Mapping[str, str]) -> Place:
    url = _checked(endpoint) if endpoint is not None else localstack_url(environ)
    if not is_loopback(url):
        raise SettingError(f"expected LocalStack on this machine, got {url}; use --endpoint {url} instead")
    if not _healthy(url):
        raise SettingError(
            f"expected LocalStack at {url}, got no answer; start it: {start_command(url)}, "
            "or leave --place localstack out to use the embedded server"
        )
    return Place("localstack", url, f"LocalStack at {url}, because it was named")


def _endpoint(endpoint: str | None) -> Place:
    if endpoint is None:
        raise SettingError("expected --endpoint URL with --place endpoint, got no URL")
    url = _checked(endpoint)
    if error := _unreachable(url):
        raise SettingError(
            f"expected a server at {url}, got {error}; start it, or leave --endpoint out to use the embedded server"
        )
    return Place("endpoint", url, f"endpoint {url}, because it was named")


def _unreachable(url: str) -> str | None:
    """Why nothing can be connected to at a URL; None if something can."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((str(parts.hostname), port), CONNECT_TIMEOUT).close()
    except OSError as error:
        return error.strerror or str(error)
    return None


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


def local_opener() -> urllib.request.OpenerDirector:
    """What opens URLs of this machine: by no proxy, and with no TLS settings of the user's (SSLKEYLOGFILE)."""
    # No proxies: a proxy could answer in LocalStack's stead, and loopback is never behind one.
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # its certificate is of its own making
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    return urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=unverified))


def _healthy(url: str) -> bool:
    try:
        with local_opener().open(f"{url}/_localstack/health", timeout=HEALTH_TIMEOUT) as response:
            return bool(response.status == 200)
    except (OSError, ValueError, urllib.error.URLError):
        return False
