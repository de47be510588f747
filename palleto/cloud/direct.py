"""Requests that a worker thread sends itself, one after the other, without the event loop in between."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from palleto.cloud.patience import Patience, abandoned
from palleto.errors import CloudError

Response = dict[str, Any]


class Direct:
    """A client's `get_object` for a function that blocks. Made by `Client.direct`, which says what it does not do.

    answers: what was sent so far, and what came of it; the error of a request that was left behind until it is here.
    """

    def __init__(self, send: Callable[[dict[str, Any]], Response], patience: Patience) -> None:
        self._send = send
        self._patience = patience
        self.answers: list[tuple[dict[str, Any], Response | CloudError]] = []

    def __repr__(self) -> str:
        return f"<Direct {len(self.answers)} sent>"

    def get_object(self, **arguments: Any) -> Response:
        """boto3's response, with a `Body` that goes on where it broke off. It blocks; raises CloudError."""
        left = abandoned("s3.GetObject")
        if self._patience.over:
            raise left
        self.answers.append((arguments, left))
        try:
            answer = self._send(arguments)
        except CloudError as error:
            self.answers[-1] = arguments, error
            raise
        self.answers[-1] = arguments, answer
        return answer
