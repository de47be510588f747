"""Nothing listens but on 127.0.0.1, and nothing leaves this machine, whatever credentials the environment holds."""

from __future__ import annotations

import ipaddress
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from aws_environment import AWS_ENVIRONMENT, SECRETS

from palleto.cloud.places import EmbeddedServer
from palleto.cloud.places.localstack.instance import listened_on

ROOT = Path(__file__).parents[2]


class Audited:
    """A command that ran with AWS's credentials in its environment: what it wrote, and which addresses it used."""

    def __init__(self, folder: Path, *arguments: str, **more: str) -> None:
        log = folder / "audit"
        paths = [str(ROOT / "tests/shared/audit"), os.environ.get("PYTHONPATH", "")]
        environment = (
            os.environ | AWS_ENVIRONMENT | {"PALLETO_AUDIT": str(log), "PYTHONPATH": os.pathsep.join(paths)} | more
        )
        done = subprocess.run(
            [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=100
        )
        self.code = done.returncode
        self.written = done.stdout + done.stderr
        for path in folder.rglob("*.jsonl"):
            self.written += path.read_text()
        self.uses = [json.loads(line) for line in log.read_text().splitlines()]

    def strangers(self) -> list[Any]:
        """What was bound, connected to or looked up that is not this machine's loopback."""
        return [use for use in self.uses if not is_here(use[1])]


def is_here(address: Any) -> bool:
    if isinstance(address, str) and address.startswith(("/", "\0")):  # a Unix socket
        return True
    host = address[0] if isinstance(address, list) else address
    if host in (None, "localhost", b"localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def test_the_audit_sees_strangers(tmp_path: Path) -> None:
    program = "import socket; s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.connect(('192.0.2.1', 9))"
    assert Audited(tmp_path, "-c", program).strangers() == [["socket.connect", ["192.0.2.1", 9]]]


@pytest.mark.parametrize("step", range(1, 6))
def test_a_step_without_a_queue_uses_no_address(step: int, tmp_path: Path) -> None:
    ran = Audited(tmp_path, "-m", f"steps.step{step}", "--virtual", "--events", "20")
    assert ran.code == 0
    assert [use for use in ran.uses if not isinstance(use[1], str)] == []


@pytest.mark.parametrize(
    ("place", "step"),
    [
        ("simulated", 6),
        ("simulated", 9),
        pytest.param("embedded", 6, marks=pytest.mark.long),
        pytest.param("embedded", 9, marks=pytest.mark.long),  # as where none is named
        pytest.param("endpoint", 9, marks=pytest.mark.long),
        (None, 9),
    ],
)
def test_a_step_with_a_queue_stays_on_this_machine(place: str | None, step: int, tmp_path: Path) -> None:
    server = EmbeddedServer() if place == "endpoint" else None
    options = ["--output", str(tmp_path / "output"), "--trace", str(tmp_path / "run.jsonl"), "--events", "12"]
    if server is not None:
        options += ["--endpoint", server.url]
    elif place is not None:
        options += ["--place", place, *(["--virtual"] if place == "simulated" else [])]
    # Where no place is named, none must answer as LocalStack: other tests use the one that runs, at this very moment.
    nobody = {"LOCALSTACK_HOST": "127.0.0.1:9"} if place is None else {}
    try:
        ran = Audited(tmp_path, "-m", f"steps.step{step}", *options, **nobody)
    finally:
        if server is not None:
            server.stop()
    assert ran.code == 0, ran.written
    where = [line for line in ran.written.splitlines() if line.lower().startswith(place or "embedded")]
    assert any("because" in line for line in where), ran.written
    assert ran.strangers() == []
    assert not [secret for secret in SECRETS.values() if secret in ran.written]
    if place == "simulated":
        assert [use for use in ran.uses if use[0] in ("socket.bind", "socket.getaddrinfo")] == []


@pytest.mark.parametrize("command", ["status", "down"])
def test_the_command_for_localstack_stays_on_this_machine(command: str, tmp_path: Path) -> None:
    ran = Audited(tmp_path, "-m", "palleto.cloud.localstack", command, "--port", "9")
    assert ran.strangers() == []


def test_an_error_tells_no_credential(tmp_path: Path) -> None:
    ran = Audited(tmp_path, "-m", "steps.step9", "--endpoint", "http://127.0.0.1:9")
    assert ran.code == 1
    assert ran.strangers() == []
    assert "expected a server at http://127.0.0.1:9" in ran.written
    assert not [secret for secret in SECRETS.values() if secret in ran.written]


def family(pid: int) -> set[int]:
    """A process and all that it started and that still run."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text(errors="replace").rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found


def listened_on_by(pids: set[int]) -> set[str]:
    """The addresses on which any of these processes listens for TCP."""
    sockets = set()
    for pid in pids:
        try:
            sockets |= {str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()}
        except OSError:
            continue
    ports = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for words in (line.split() for line in Path(table).read_text().splitlines()[1:]):
            if words[3] == "0A" and f"socket:[{words[9]}]" in sockets:
                ports.add(int(words[1].rpartition(":")[2], 16))
    return {address for port in ports for address in listened_on(port)}


ONE_NOTEBOOK = """
import sys
from pathlib import Path
from palleto.lab.publish.pages import notebooks, publish
print(list(publish(Path(sys.argv[1]), notebooks()[-1:])))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("command", "listens"),
    [
        pytest.param(["-m", "steps.step9", "--place", "embedded", "--output", "{}/output"], True, id="step 9"),
        pytest.param(["-m", "palleto.lab.portrait", "{}/portrait.svg"], False, id="portrait", marks=pytest.mark.long),
        pytest.param(["-c", ONE_NOTEBOOK, "{}"], False, id="publish", marks=[pytest.mark.notebooks, pytest.mark.long]),
    ],
)
def test_a_command_and_all_that_it_starts_listen_on_this_machine_only(
    command: list[str], listens: bool, tmp_path: Path
) -> None:
    if "steps.step9" not in command:
        pytest.importorskip("ipywidgets", reason="the notebooks extra is not installed")
    words = [word.replace("{}", str(tmp_path)) for word in command]
    seen: set[str] = set()
    # Where no place is named it would be LocalStack, and take the messages of the tests that use that.
    environment = {**os.environ, "PALLETO_PLACE": "embedded"}
    with subprocess.Popen(
        [sys.executable, *words], cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as run:
        while run.poll() is None:
            seen |= listened_on_by(family(run.pid))
            time.sleep(0.2)
        assert run.stderr is not None
        assert run.returncode == 0, run.stderr.read()
    # A notebook's kernel is spoken to over Unix sockets; its runs may have an embedded server, on loopback.
    assert seen <= {"127.0.0.1"}
    assert not listens or seen, "or the test looks in the wrong place"
