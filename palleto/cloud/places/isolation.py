"""What keeps the user's machine out of the local places: no file of `~/.aws`, no variable that is meant for AWS.

A configuration file may be broken, and a variable may hold what no library can read; neither has to do with a server on
this machine. Both are read on AWS alone (`aws_session`).
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

AWS_VARIABLES = ("AWS_", "BOTO", "SSLKEYLOGFILE")
"""How the names begin of the variables that botocore reads, its plugins' and the TLS library's among them."""

_lock = threading.RLock()


def taken_out(*beginnings: str) -> dict[str, str]:
    """The variables whose names begin so, out of this process's environment; its `update` puts them back."""
    return {name: os.environ.pop(name) for name in list(os.environ) if name.startswith(beginnings)}


@contextmanager
def hidden(*beginnings: str) -> Iterator[None]:
    """Take the variables whose names begin so out of this process's environment, for as long as the block runs."""
    with _lock:
        taken = taken_out(*beginnings)
        try:
            yield
        finally:
            os.environ.update(taken)


def isolated_session() -> Any:
    """A botocore session that reads no file of the user's, and whose settings come from no variable."""
    import botocore.configprovider
    import botocore.session

    own: dict[str, Any] = {
        name: (None, None, default, conversion)
        for name, (_, _, default, conversion) in botocore.configprovider.BOTOCORE_DEFAUT_SESSION_VARIABLES.items()
    }
    for file in ("config_file", "credentials_file"):
        own[file] = (None, None, os.devnull, None)
    return botocore.session.Session(session_vars=own)
