"""Which errors pass, and how long to wait until then."""

from __future__ import annotations

import random

import pytest

from palleto import CloudError
from palleto.cloud.clients.errors import backoff, passing


def test_passing_errors() -> None:
    def of(code: str, status: int) -> bool:
        return passing(CloudError("sqs.ReceiveMessage", code, "", status))

    assert all(of(*each) for each in [("x", 500), ("SlowDown", 503), ("ThrottlingException", 400), ("x", 429)])
    assert all(of(code, 0) for code in ("EndpointConnectionError", "ReadTimeoutError", "ResponseParserError"))
    assert not any(of(*each) for each in [("AccessDenied", 403), ("NoSuchKey", 404), ("InvalidParameterValue", 400)])
    assert not any(of(code, 0) for code in ("ParamValidationError", "Abandoned", "QueueDoesNotExist"))


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.1), (1, 0.2), (5, 3.2), (6, 5.0), (5000, 5.0)])
def test_a_wait_doubles_up_to_its_bound_and_is_up_to_half_of_it_shorter(attempt: int, longest: float) -> None:
    waits = [backoff(attempt, random.Random(seed)) for seed in range(50)]
    assert longest / 2 <= min(waits) < 0.6 * longest
    assert 0.9 * longest < max(waits) <= longest
