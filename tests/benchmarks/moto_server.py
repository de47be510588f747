"""A moto server in a process of its own, on a free port of 127.0.0.1. Prints its URL, and ends on SIGTERM."""

from __future__ import annotations

import signal

from palleto.cloud.places import EmbeddedServer

if __name__ == "__main__":
    server = EmbeddedServer()
    print(server.url, flush=True)
    signal.sigwait({signal.SIGTERM, signal.SIGINT})
    server.stop()
