"""Writes every address that this process binds, connects to or looks up to the file $PALLETO_AUDIT, one JSON a line.

Python imports it at its start when its folder is on PYTHONPATH, before anything of ours runs.
"""

import json
import os
import sys

_EVENTS = ("socket.bind", "socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname")
_file = os.open(os.environ["PALLETO_AUDIT"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def _hook(event: str, arguments: tuple[object, ...]) -> None:
    if event in _EVENTS:
        address = arguments[0] if event.startswith("socket.get") else arguments[1]
        os.write(_file, (json.dumps([event, address], default=str) + "\n").encode())


sys.addaudithook(_hook)
