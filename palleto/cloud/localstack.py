"""`python -m palleto.cloud.localstack up | down | status`: LocalStack without Docker, on 127.0.0.1."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Sequence

import click

from palleto.cloud.command_line import A_PORT, start
from palleto.cloud.place import start_command
from palleto.cloud.places.localstack import PORT, down, is_ready, running, up

on_port = click.option("--port", type=A_PORT, default=PORT, metavar="N", help=f"its port on 127.0.0.1 (default {PORT})")


@click.group(short_help="LocalStack without Docker: up, status, down")
def localstack() -> None:
    """LocalStack without Docker, on 127.0.0.1."""


@localstack.command("up")
@on_port
@click.option("--no-stack", is_flag=True, help="start it empty, without Palleto's stack")
def _up(port: int, no_stack: bool) -> None:
    """Start it, and wait until it is ready; the first time 250 MB come from PyPI."""
    if _docker_answers():
        print("Docker answers here, too: `docker compose up -d localstack` starts LocalStack in a container")
    already = running(port)
    instance = up(port, stack=not no_stack)
    # Somebody else's, perhaps: who goes on to empty or end it should know.
    print(instance, "(it runs already)" if instance == already else "(started)")


@localstack.command("down")
@on_port
def _down(port: int) -> None:
    """End the one that `up` started, and no other."""
    ended = down(port)
    print(f"ended {ended}" if ended else f"nothing to end: `up` started nothing on port {port}")


@localstack.command("status")
@on_port
def _status(port: int) -> int:
    """Say what runs on its port. The exit status is 1 if that is no LocalStack that is ready."""
    url = f"http://127.0.0.1:{port}"
    if instance := running(port):
        print(instance)
    elif is_ready(url):
        print(f"LocalStack at {url}, which this command did not start")
    else:
        if _listened_on(port):
            print(f"expected LocalStack on port {port}, got another server, or one that is not ready; "
                  "choose another port with --port")  # fmt: skip
        else:
            print(f"nothing runs on port {port}; start it with: {start_command(url)}")
        return 1
    return 0


def _listened_on(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _docker_answers() -> bool:
    docker = shutil.which("docker")
    if docker is None:
        return False
    try:
        asked = [docker, "version", "--format", "{{.Server.Version}}"]
        return subprocess.run(asked, capture_output=True, timeout=3, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line. Exits with 0, or with one line and 1; `status` with 1 when nothing runs."""
    start(localstack, "python -m palleto.cloud.localstack", arguments)


if __name__ == "__main__":
    main()
