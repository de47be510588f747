"""A request that a worker thread sends itself, without the event loop between it and what is done with its answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from palleto.cloud.clients.errors import abandoned
from palleto.cloud.clients.patience import Patience
from palleto.errors import CloudError

Response = dict[str, Any]


class Direct:
    """A client's `get_object` for a function that blocks. Made by `Client.direct`, which says what it does not do.

    answer: what came of it; the error of a request that was left behind until it is here, None until it is sent.
    """

    def __init__(self, send: Callable[[], Response], patience: Patience) -> None:
        self._send = send
        self._patience = patience
        self.answer: Response | CloudError | None = None

    def __repr__(self) -> str:
        return f"<Direct {'unsent' if self.answer is None else 'sent'}>"

    def get_object(self) -> Response:
        """The response, with a `Body` that goes on where it broke off. It blocks; raises CloudError."""
        left = abandoned("s3.GetObject")
        if self._patience.over:
            raise left
        self.answer = left
        try:
            self.answer = answer = self._send()
        except CloudError as error:
            self.answer = error
            raise
        return answer
