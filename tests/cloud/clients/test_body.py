"""The body of an object: what breaks off is a CloudError, and who closes it waits for nobody."""

from __future__ import annotations

import threading

import pytest

from palleto.cloud import Body
from palleto.errors import CloudError


def test_a_body_that_breaks_off_is_a_cloud_error() -> None:
    from botocore.exceptions import ResponseStreamingError
    from urllib3.exceptions import ProtocolError

    class Broken:
        def __init__(self, error: Exception) -> None:
            self.error = error

        def read(self, n: int | None) -> bytes:
            raise self.error

    for error in (ResponseStreamingError(error="cut"), ProtocolError("cut"), ConnectionResetError("cut")):
        with pytest.raises(CloudError, match=f"^s3.GetObject failed with {type(error).__name__}: ") as caught:
            list(Body("s3.GetObject", Broken(error)).iter_chunks())
        assert caught.value.__cause__ is error
    with pytest.raises(ZeroDivisionError):
        Body("s3.GetObject", Broken(ZeroDivisionError())).read()


def test_a_body_is_closed_without_waiting_for_a_read_that_was_left_behind() -> None:
    """As io.BufferedReader does, the stream keeps one lock for reading and closing."""

    class Silent:
        def __init__(self) -> None:
            self.lock, self.begun, self.answer = threading.Lock(), threading.Event(), threading.Event()
            self.closed = 0

        def read(self, n: int | None) -> bytes:
            with self.lock:
                self.begun.set()
                self.answer.wait(20)
                return b"at last"

        def close(self) -> None:
            with self.lock:
                self.closed += 1

    stream = Silent()
    body = Body("s3.GetObject", stream)
    reader = threading.Thread(target=body.read, daemon=True)
    reader.start()
    stream.begun.wait(20)
    body.close()
    assert stream.closed == 0
    stream.answer.set()
    reader.join(60)
    assert stream.closed == 1
    body.close()
    assert stream.closed == 2
