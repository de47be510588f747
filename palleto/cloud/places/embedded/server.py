"""A moto server in this process, on 127.0.0.1 and a free port, that ends with the run."""

from __future__ import annotations

import importlib
import os
import threading
from typing import Any

from palleto.cloud.places.embedded.mended_moto import mend
from palleto.cloud.places.isolation import taken_out

VARIABLES = (
    "MOTO_",
    "DEFAULT_CONTAINER_REGISTRY",
    "INITIAL_NO_AUTH_ACTION_COUNT",
    "S3_IGNORE_SUBDOMAIN_BUCKETNAME",
    "S3_UPLOAD_PART_MIN_SIZE",
    "SF_EXECUTION_HISTORY_TYPE",
    "TESTS_SKIP_REQUIRES_DOCKER",
    "TEST_PROXY_MODE",
    "TEST_SERVER_MODE",
)
"""How the names of moto's own variables begin; hidden from the process while a server runs."""


class EmbeddedServer:
    """A moto server on 127.0.0.1: `url` says where, from construction to `stop()`.

    moto keeps its state in the process, so `stop()` forgets it all: the next server starts empty. Two servers at
    once in one process would share it.
    """

    def __init__(self, port: int = 0) -> None:
        """Start the server; blocks for about 0.5 s, most of it moto's import. `port`: 0 takes one that is free."""
        from werkzeug.serving import make_server

        self._hidden = taken_out(*VARIABLES)
        mend()
        app: Any = importlib.import_module("moto.moto_server.werkzeug_app")
        handler = type("SilentHandler", (app.MotoRequestHandler,), {"log": _say_nothing})
        application = app.DomainDispatcherApplication(app.create_backend_app)
        self._server = make_server("127.0.0.1", port, application, threaded=True, request_handler=handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        # serve_forever looks for the stop flag every `poll_interval` seconds; its 0.5 would slow every run's end.
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), name="palleto-moto", daemon=True
        )
        self._thread.start()

    def __repr__(self) -> str:
        return f"<EmbeddedServer {self.url} {'running' if self._thread.is_alive() else 'stopped'}>"

    def stop(self) -> None:
        """Close the port, join the thread, forget all buckets, queues and stacks; blocks for about 30 ms."""
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
        os.environ.update(self._hidden)
        from moto.core.base_backend import BackendDict
        from moto.core.model_instances import reset_model_data

        BackendDict.reset()
        reset_model_data()


def _say_nothing(*_: object) -> None:
    """Take the place of the server's log: the trace tells of every request."""
