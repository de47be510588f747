"""`python -m palleto.cloud.localstack up | down | status`: LocalStack without Docker, on 127.0.0.1."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence

from palleto.cloud.command_line import Parser
from palleto.cloud.places.localstack import PORT, down, is_ready, running, up
from palleto.errors import PalletoError


def _port(text: str) -> int:
    """A port to listen on, for argparse; not 0, with which LocalStack never says that it is ready."""
    number = int(text)
    if not 0 < number < 65536:
        raise ValueError
    return number


_port.__name__ = "port of 1 to 65535"  # argparse puts it into "invalid ... value"


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
    parser = Parser(
        prog="python -m palleto.cloud.localstack",
        description="LocalStack without Docker, on 127.0.0.1.",
        allow_abbrev=False,
    )
    parser.add_argument("command", choices=["up", "down", "status"], help="start it, end it, or say what runs")
    parser.add_argument("--port", type=_port, default=PORT, metavar="N", help=f"its port (default {PORT})")
    parser.add_argument("--no-stack", action="store_true", help="up: start it empty, without Palleto's stack")
    options = parser.parse_args(arguments)
    try:
        if options.command == "up":
            if _docker_answers():
                print("Docker answers here, too: `docker compose up -d localstack` starts LocalStack in a container")
            already = running(options.port)
            instance = up(options.port, stack=not options.no_stack)
            # Somebody else's, perhaps: who goes on to empty or end it should know.
            print(instance, "(it runs already)" if instance == already else "(started)")
        elif options.command == "down":
            ended = down(options.port)
            print(f"ended {ended}" if ended else f"nothing to end: `up` started nothing on port {options.port}")
        else:
            _status(options.port)
    except PalletoError as error:
        sys.exit(f"error: {error}")


def _status(port: int) -> None:
    if instance := running(port):
        print(instance)
    elif is_ready(f"http://127.0.0.1:{port}"):
        print(f"LocalStack at http://127.0.0.1:{port}, which this command did not start")
    else:
        print(f"nothing runs on port {port}; start it with: python -m palleto.cloud.localstack up --port {port}")
        sys.exit(1)


if __name__ == "__main__":
    main()
