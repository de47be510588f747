"""One LocalStack, started here, in a process that outlives this one.

`up` makes LocalStack's own virtual environment once (250 MB, half a minute, from PyPI), starts it on 127.0.0.1, and
comes back when it is ready, with Palleto's stack deployed. It runs on by itself until `down`.

Rules:

1. It listens on 127.0.0.1 only, and `up` looks that this is so: whoever reaches the port may do everything.
2. It gets nothing of the caller's environment but the path and the home: no credential, no profile, no proxy.
3. `down` ends the process that `up` started, and no other: the process's id and its start time must both fit.
4. Its state ends with it, and the folder of its objects, which is its own; what it wrote to its log stays until the
   next `up`.

All is kept in the folder `PALLETO_CACHE`, else `$XDG_CACHE_HOME/palleto`, else `~/.cache/palleto`.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from palleto.cloud.place import local_opener
from palleto.cloud.places.localstack.environment import environment, version
from palleto.cloud.template import template_file
from palleto.errors import SettingError

PORT = 4566
READY_DEADLINE = 180.0  # seconds; 5 s is usual, and a first start on a loaded machine took 25
STOP_DEADLINE = 10.0  # seconds from SIGTERM to SIGKILL, by which nothing is lost: there is no state on disk
SETTINGS = {
    "OVERRIDE_IN_DOCKER": "0",  # inside a container it would take itself for its own image
    "GATEWAY_SERVER": "hypercorn",  # the default one listens on 0.0.0.0 whatever it is told
    "SERVICES": "s3,sqs,cloudformation",
    "EAGER_SERVICE_LOADING": "1",  # so that "ready" means ready
    "DISABLE_EVENTS": "1",  # no analytics, and with the next two no other request to the network either
    "SKIP_SSL_CERT_DOWNLOAD": "1",
    "DNS_ADDRESS": "0",
    "SQS_ENDPOINT_STRATEGY": "path",  # queue URLs name 127.0.0.1, not a host that needs a look-up
    "LS_LOG": "warn",
    "AWS_CONFIG_FILE": os.devnull,  # the home's, which it reads, may be broken
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
}

ITS_OWN = ("objects", "temporary")
"""Folders of an instance that are gone with it."""
START = """
import sys
from localstack.services.s3.storage import ephemeral
make = ephemeral.EphemeralS3ObjectStore.__init__
ephemeral.EphemeralS3ObjectStore.__init__ = lambda self, root_directory=None: make(self, sys.argv[1])
from localstack.runtime.main import main
main()
"""
"""What its interpreter runs. LocalStack's objects are in /tmp/localstack-s3-storage, whatever it is told: two of them
would share that folder, and remove each other's buckets from it."""


@dataclass(frozen=True)
class Instance:
    """A LocalStack that `up` started: its process's `pid` and when that `began`, its `port` and `version`."""

    pid: int
    began: str
    port: int
    version: str

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def __str__(self) -> str:
        return f"LocalStack {self.version} at {self.url}, pid {self.pid}"


def cache() -> Path:
    """The folder in which LocalStack's environment and the instances' logs are kept."""
    if given := os.environ.get("PALLETO_CACHE"):
        return Path(given).expanduser().absolute()
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "palleto"


def running(port: int = PORT) -> Instance | None:
    """The instance that `up` started on a port, if it still runs."""
    try:
        instance = Instance(**json.loads(_record(port).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    # A process id is given anew one day: only with the same start time is it the same process.
    return instance if instance.began == _began(instance.pid) else None


def up(port: int = PORT, *, stack: bool = True) -> Instance:
    """Start LocalStack on a port of 127.0.0.1 and wait until it is ready; give back the one that runs already.

    stack: whether the stack of `pipeline.yaml` is deployed as soon as it is ready. Blocks for about 5 s, and half a
    minute more when the environment is made. Raises `SettingError` when the port is taken, this Python is not
    served, the environment cannot be made, or LocalStack ends or does not get ready.
    """
    if instance := running(port):
        return instance
    with socket.socket() as probe:  # LocalStack itself would say "Ready." although another server has the port
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise SettingError(
                f"expected port {port} of 127.0.0.1 to be free, got: {getattr(error, 'strerror', error)}; "
                "choose another with --port"
            ) from error
    python = environment(cache())
    folder = _folder(port)
    _lay_out(folder, stack=stack)
    log = folder / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [python, "-c", START, str(folder / "objects")],
            cwd=folder,
            env=_variables(folder, port),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # a Ctrl-C in this terminal, or its end, is none of its business
        )
    instance = Instance(process.pid, _began(process.pid) or "", port, version())
    _record(port).write_text(json.dumps(asdict(instance)), encoding="utf-8")
    try:
        _wait(process, instance, log)
    except BaseException:
        down(port)
        raise
    finally:
        process.returncode = process.returncode or 0  # it is left to itself: no warning that it still runs
    return instance


def down(port: int = PORT) -> Instance | None:
    """End the instance that `up` started on a port, and give it back; None when there is none.

    SIGTERM, and SIGKILL when it has not ended after 10 s.
    """
    instance = running(port)
    if instance is not None:
        os.kill(instance.pid, signal.SIGTERM)
        give_up = time.monotonic() + STOP_DEADLINE
        while running(port) is not None:
            if time.monotonic() > give_up:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(instance.pid, signal.SIGKILL)
            time.sleep(0.05)
        with contextlib.suppress(ChildProcessError):
            os.waitpid(instance.pid, os.WNOHANG)  # where `up` was called in this very process
        _clear(_folder(port))
    _record(port).unlink(missing_ok=True)
    return instance


def _folder(port: int) -> Path:
    return cache() / f"localstack-{port}"


def _record(port: int) -> Path:
    return _folder(port) / "instance.json"


def _lay_out(folder: Path, *, stack: bool) -> None:
    """The folders that an instance writes to, and its init hook."""
    hooks = folder / "root" / "etc" / "localstack" / "init"
    try:
        shutil.rmtree(hooks, ignore_errors=True)
        (hooks / "ready.d").mkdir(parents=True)
        _clear(folder)
        for name in ITS_OWN:
            (folder / name).mkdir()
        if stack:
            shutil.copy(template_file("pipeline.yaml"), hooks)
            shutil.copy(template_file("init/ready.d/deploy_stack.py"), hooks / "ready.d")
    except OSError as error:
        raise SettingError(f"expected to write to {folder}, got: {error.strerror}; set PALLETO_CACHE") from error


def _clear(folder: Path) -> None:
    """Remove what is one instance's alone."""
    for name in ITS_OWN:
        shutil.rmtree(folder / name, ignore_errors=True)


def _variables(folder: Path, port: int) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return (
        kept
        | SETTINGS
        | {
            "FILESYSTEM_ROOT": str(folder / "root"),
            "GATEWAY_LISTEN": f"127.0.0.1:{port}",
            "LOCALSTACK_HOST": f"127.0.0.1:{port}",
            "TMPDIR": str(folder / "temporary"),
            "XDG_CACHE_HOME": str(folder / "cache"),
        }
    )


def _wait(process: subprocess.Popen[bytes], instance: Instance, log: Path) -> None:
    """Wait until an instance is ready. Raises `SettingError` if it is not, or can be reached from elsewhere."""
    give_up = time.monotonic() + READY_DEADLINE
    while not is_ready(instance.url):
        if process.poll() is not None:
            raise SettingError(f"expected LocalStack to start, got its end with code {process.returncode}; see {log}")
        if time.monotonic() > give_up:
            raise SettingError(f"expected LocalStack to be ready after {READY_DEADLINE:.0f} s, got nothing; see {log}")
        time.sleep(0.1)
    if others := listened_on(instance.port) - {"127.0.0.1"}:
        raise SettingError(f"expected LocalStack on 127.0.0.1 only, got {', '.join(sorted(others))}; see {log}")


def is_ready(url: str) -> bool:
    """Whether a LocalStack at a URL is ready, its init hook included."""
    try:
        with local_opener().open(f"{url}/_localstack/init/ready", timeout=5) as response:
            return json.load(response).get("completed") is True
    except (OSError, ValueError, AttributeError):
        return False


def listened_on(port: int) -> set[str]:
    """The addresses of this machine on which a TCP port is listened on; empty where there is no /proc/net/tcp."""
    found = set()
    for table, family, word in (("tcp", socket.AF_INET, 8), ("tcp6", socket.AF_INET6, 32)):
        try:
            lines = Path(f"/proc/net/{table}").read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        for line in lines:
            address, _, number = line.split()[1].partition(":")
            if line.split()[3] == "0A" and int(number, 16) == port:
                # Words of 32 bits, each in the byte order of the machine.
                words = [int(address[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, word, 8)]
                found.add(socket.inet_ntop(family, b"".join(words)))
    return found


def _began(pid: int) -> str | None:
    """When a process began, as this system tells it; None if it does not run (a zombie does not)."""
    try:
        # After the command's name, which is in parentheses and may hold anything: state, ..., start time.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return None if fields[0] in ("Z", "X") else fields[19]
    except OSError:
        if Path("/proc/self/stat").exists():
            return None
    done = subprocess.run(["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, began = done.stdout.strip().partition(" ")
    return began.strip() if began and not state.startswith("Z") else None
