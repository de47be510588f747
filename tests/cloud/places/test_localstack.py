"""`python -m palleto.cloud.localstack`: with a stand-in for LocalStack, and with LocalStack where it was made."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from servers import free_port

from palleto import clock
from palleto.cloud import deploy, open_cloud
from palleto.cloud import localstack as command
from palleto.cloud.places.localstack import environment, instance
from palleto.errors import SettingError

STAND_IN = """\
#!{python}
import http.server, json, os, signal, socket, sys
{before}
host, _, port = os.environ["GATEWAY_LISTEN"].partition(":")
open("environment.json", "w").write(json.dumps(dict(os.environ)))
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(json.dumps({{"completed": self.path == "/_localstack/init/ready"}}).encode())
http.server.ThreadingHTTPServer((host, int(port)), Handler).serve_forever()
"""


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, port: int) -> Iterator[Any]:
    """`stand_in("code")`: what LocalStack's interpreter is from now on, with that code at its beginning."""
    monkeypatch.setenv("PALLETO_CACHE", str(tmp_path))

    def make(before: str = "") -> None:
        script = tmp_path / "python"
        script.write_text(STAND_IN.format(python=sys.executable, before=before))
        script.chmod(0o755)
        monkeypatch.setattr(instance, "environment", lambda cache: script)

    yield make
    instance.down(port)


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def test_up_starts_it_once_and_down_ends_it(
    stand_in: Any, port: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    answers_first = iter([True, False])
    monkeypatch.setattr(command, "_docker_answers", lambda: next(answers_first))
    stand_in()
    command.main(["up", "--port", str(port)])
    started = instance.running(port)
    assert started is not None
    assert instance.up(port) == started, "the one that runs already"
    command.main(["up", "--port", str(port)])
    command.main(["status", "--port", str(port)])
    offered, *said = capsys.readouterr().out.splitlines()
    assert "docker compose up -d localstack" in offered, "where Docker answers"
    assert said == [
        f"{started} (started)",
        f"{started} (it runs already)",
        str(started),
    ]
    assert f"http://127.0.0.1:{port}, pid {started.pid}" in str(started)
    assert os.getsid(started.pid) != os.getsid(0), "this terminal's Ctrl-C is none of its business"
    command.main(["down", "--port", str(port)])
    assert capsys.readouterr().out == f"ended {started}\n"
    assert not answers(port)
    command.main(["down", "--port", str(port)])
    assert capsys.readouterr().out.startswith("nothing to end")
    with pytest.raises(SystemExit) as ended:
        command.main(["status", "--port", str(port)])
    assert ended.value.code == 1
    assert f"palleto localstack up --port {port}" in capsys.readouterr().out


def test_it_gets_no_credential_and_nothing_else_of_the_callers(
    stand_in: Any, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE", "LOCALSTACK_AUTH_TOKEN", "HTTPS_PROXY", "GATEWAY_LISTEN"):
        monkeypatch.setenv(name, "secret")
    stand_in()
    instance.up(port)
    given = json.loads((tmp_path / f"localstack-{port}" / "environment.json").read_text())
    assert "secret" not in given.values()
    assert given["GATEWAY_LISTEN"] == f"127.0.0.1:{port}"
    assert given["GATEWAY_SERVER"] == "hypercorn"
    assert given["AWS_CONFIG_FILE"] == os.devnull, "the home's may be broken"
    assert given["DISABLE_EVENTS"] == "1"
    hooks = tmp_path / f"localstack-{port}" / "root/etc/localstack/init"
    assert (hooks / "pipeline.yaml").is_file()
    assert (hooks / "ready.d/deploy_stack.py").is_file()


def test_its_objects_are_in_its_own_folder_and_gone_with_it(stand_in: Any, port: int, tmp_path: Path) -> None:
    stand_in("open(sys.argv[-1] + '/bucket', 'w'); open(os.environ['TMPDIR'] + '/file', 'w')")
    folders = [tmp_path / f"localstack-{port}" / name for name in ("objects", "temporary")]
    for _ in range(2):  # and the next one begins anew
        instance.up(port)
        assert [len(list(folder.iterdir())) for folder in folders] == [1, 1]
        instance.down(port)
        assert not any(folder.exists() for folder in folders)
    (folders[0] / "left behind").mkdir(parents=True)  # by one that was killed
    instance.up(port)
    assert [path.name for path in folders[0].iterdir()] == ["bucket"]


def test_localstack_is_told_where_its_objects_go(tmp_path: Path) -> None:
    """By its own class, in the place of the folder that all instances would share."""
    store = (
        "class EphemeralS3ObjectStore:\n    def __init__(self, root_directory=None):\n        print(root_directory)\n"
    )
    main = (
        "def main():\n    from localstack.services.s3.storage.ephemeral import EphemeralS3ObjectStore\n"
        "    EphemeralS3ObjectStore('/tmp/localstack-s3-storage')\n"
    )
    for name, text in {"services/s3/storage/ephemeral.py": store, "runtime/main.py": main}.items():
        path = tmp_path / "localstack" / name
        path.parent.mkdir(parents=True)
        path.write_text(text)
    started = [sys.executable, "-c", instance.START, "mine"]
    assert subprocess.run(started, cwd=tmp_path, capture_output=True, text=True, check=True).stdout == "mine\n"


def test_a_port_that_is_taken(stand_in: Any, port: int) -> None:
    stand_in()
    with socket.create_server(("127.0.0.1", port)), pytest.raises(SettingError, match=r"to be free, got: .* --port"):
        instance.up(port)
    with pytest.raises(SettingError, match="choose another with --port"):
        instance.up(70_000)


@pytest.mark.parametrize(
    ("before", "said"),
    [
        ("print('no plugins'); sys.exit(3)", r"got its end with code 3; see .*log$"),
        ("signal.pause()", r"expected LocalStack to be ready after .* s, got nothing; see .*log$"),
        pytest.param(
            "extra = socket.create_server(('127.0.0.2', int(os.environ['GATEWAY_LISTEN'].partition(':')[2])))",
            r"on 127\.0\.0\.1 only, got 127\.0\.0\.2; see .*log$",
            marks=pytest.mark.skipif(sys.platform != "linux", reason="reads /proc/net"),
        ),
    ],
    ids=["ends", "waits", "listens elsewhere"],
)
def test_one_that_starts_badly_is_ended_and_told_in_one_line(
    stand_in: Any, port: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, before: str, said: str
) -> None:
    if "pause" in before:
        monkeypatch.setattr(instance, "READY_DEADLINE", 0.3)
    stand_in(before)
    with pytest.raises(SettingError, match=said):
        instance.up(port)
    assert ("no plugins" in (tmp_path / f"localstack-{port}" / "log").read_text()) == ("plugins" in before)
    assert instance.running(port) is None
    assert not answers(port)


def test_one_that_does_not_end_is_killed(stand_in: Any, port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in("signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    instance.up(port)
    monkeypatch.setattr(instance, "STOP_DEADLINE", 0.2)
    assert instance.down(port) is not None
    assert not answers(port)


def test_a_process_that_only_has_the_same_id_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PALLETO_CACHE", str(tmp_path))
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as stranger:
        record = tmp_path / "localstack-4999" / "instance.json"
        record.parent.mkdir()
        record.write_text(json.dumps({"pid": stranger.pid, "began": "1", "port": 4999, "version": "4.13.1"}))
        assert instance.running(4999) is None
        assert instance.down(4999) is None
        assert stranger.poll() is None
        record.write_text("not JSON")
        assert instance.down(4999) is None
        stranger.communicate(b"\n")


def test_a_python_that_no_localstack_starts_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "VERSIONS", {(3, 8): "1"})
    with pytest.raises(SettingError, match=r"expected Python 3\.8 for LocalStack without Docker, got 3\.\d+; .*Docker"):
        environment.version()


@pytest.mark.long  # Python's venv installs pip, which takes it some seconds
def test_an_environment_that_pip_cannot_fill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(SettingError, match=r"from PyPI, got: ERROR: .*; see .*localstack-install\.log, and try again"):
        environment.environment(tmp_path / "cache")


def test_a_cache_that_is_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingError, match="set PALLETO_CACHE"):
        environment.environment(tmp_path / "file")


@pytest.mark.long
@pytest.mark.localstack
def test_localstack_itself(port: int, tmp_path: Path) -> None:
    """Up, ready with the stack, on loopback only, found by deploy, down; by the command, as a user types it."""
    folder = instance.cache() / f"localstack-{port}"
    if not any(instance.cache().glob("localstack-*-py*/palleto-pins.txt")):
        pytest.skip(
            f"LocalStack's environment is not made; make it with: {sys.executable} -m palleto.cloud.localstack up"
        )

    def run(word: str) -> str:
        arguments = [sys.executable, "-W", "error", "-m", "palleto.cloud.localstack", word, "--port", str(port)]
        return subprocess.run(arguments, capture_output=True, text=True, check=True, timeout=100).stdout

    async def look() -> list[str]:
        said: list[str] = []
        async with open_cloud("localstack", endpoint=f"http://127.0.0.1:{port}") as cloud:
            (stack,) = (await cloud.cloudformation.describe_stacks())["Stacks"]
            assert stack["StackStatus"] == "CREATE_COMPLETE"
            await deploy(cloud, report=said.append)
        return said

    try:
        assert f"at http://127.0.0.1:{port}, pid " in run("up")
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/_localstack/init") as response:
            assert [script["state"] for script in json.load(response)["scripts"]] == ["SUCCESSFUL"]
        if sys.platform == "linux":
            assert instance.listened_on(port) == {"127.0.0.1"}
        assert clock.run(look) == [], "the hook's stack is whole"
        assert run("down").startswith("ended LocalStack")
        assert not answers(port)
    finally:
        instance.down(port)
        shutil.rmtree(folder, ignore_errors=True)


def test_another_server_on_the_port_is_not_taken_for_nothing(
    stand_in: Any, port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with socket.create_server(("127.0.0.1", port)), pytest.raises(SystemExit) as ended:
        command.main(["status", "--port", str(port)])
    assert ended.value.code == 1
    said = capsys.readouterr().out
    assert said.startswith(f"expected LocalStack on port {port}, got another server")
    assert said.count("\n") == 1
