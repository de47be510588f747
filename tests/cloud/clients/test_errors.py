"""What is told of an error, and how long to wait until it has passed; which do is in cloud/test_endurance.py."""

from __future__ import annotations

import random

import pytest
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from palleto import CloudError
from palleto.cloud.clients.errors import backoff, raise_cloud_error
from palleto.cloud.endurance import passing

PAGE = "<!DOCTYPE HTML>\n<html lang='en'><body><h1>Error response</h1>\n<p>Error code: 501</p></body></html>"


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (
            ClientError(
                {"Error": {"Code": "501", "Message": PAGE}, "ResponseMetadata": {"HTTPStatusCode": 501}}, "GetQueueUrl"
            ),
            "501",
            501,
        ),
        (ResponseParserError(f"Unable to parse response, invalid XML received: b'{PAGE}'"), "ResponseParserError", 0),
    ],
    ids=["JSON was expected", "XML was expected"],
)
def test_a_web_page_in_answer_is_told_and_not_shown(error: Exception, code: str, status: int) -> None:
    with pytest.raises(CloudError) as raised:
        raise_cloud_error("sqs.GetQueueUrl", error)
    told = "expected an answer of AWS's API, got a web page; is the endpoint's URL right?"
    assert str(raised.value) == f"sqs.GetQueueUrl failed with {code}: {told}"
    assert (raised.value.code, raised.value.status) == (code, status)
    assert passing(raised.value), "a proxy's page is gone a moment later"


def test_a_server_that_tells_the_whole_request_is_cut_short() -> None:
    said = {"Error": {"Code": "InternalError", "Message": "while calling\n" + "<Key>a</Key>" * 1000}}
    with pytest.raises(CloudError) as raised:
        raise_cloud_error("s3.DeleteObjects", ClientError(said, "DeleteObjects"))
    assert str(raised.value).startswith("s3.DeleteObjects failed with InternalError: while calling <Key>a</Key>")
    assert str(raised.value).endswith("...")
    assert len(str(raised.value)) < 350


@pytest.mark.parametrize(("attempt", "longest"), [(0, 0.1), (1, 0.2), (5, 3.2), (6, 5.0), (5000, 5.0)])
def test_a_wait_doubles_up_to_its_bound_and_is_up_to_half_of_it_shorter(attempt: int, longest: float) -> None:
    waits = [backoff(attempt, random.Random(seed)) for seed in range(50)]
    assert longest / 2 <= min(waits) < 0.6 * longest
    assert 0.9 * longest < max(waits) <= longest
