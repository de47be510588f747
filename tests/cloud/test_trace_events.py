"""What requests and answers are in a trace, and whose message a receipt handle is."""

from __future__ import annotations

import json

import pytest

from palleto import CloudError
from palleto.cloud.trace_events import Observation, names_in


@pytest.mark.parametrize(
    ("operation", "arguments", "answer", "expected"),
    [
        (
            "sqs.ReceiveMessage",
            {},
            {"Messages": [{"MessageId": "m1", "Attributes": {"ApproximateReceiveCount": "2"}}, {"MessageId": "m2"}]},
            ("receive", ["m1", "m2"], {"counts": [2, 1], "visibility": None, "names": [[], []]}),
        ),
        ("sqs.ReceiveMessage", {}, {}, ("receive", [], {"counts": []})),
        (
            "sqs.DeleteMessageBatch",
            {},
            {"Successful": [{"Id": "0"}, {"Id": "1"}], "Failed": [{"Id": "2"}]},
            ("delete", [], {"deleted": 2, "failed": 1}),
        ),
        ("sqs.DeleteMessageBatch", {}, {"Successful": [{"Id": "0"}]}, ("delete", [], {"deleted": 1, "failed": 0})),
        # An answer that was damaged on its way: `Id` came as another word.
        ("sqs.DeleteMessageBatch", {}, {"Successful": [{}]}, ("delete", [], {"deleted": 1, "failed": 0})),
        (
            "sqs.ChangeMessageVisibilityBatch",
            {
                "Entries": [
                    {"Id": n, "ReceiptHandle": n, "VisibilityTimeout": seconds} for n, seconds in (("a", 0), ("b", 30))
                ]
            },
            {},
            ("visibility", [], {"seconds": [0, 30]}),
        ),
        ("s3.GetObject", {"Key": "a.gz"}, {"ContentLength": 7}, ("download", ["a.gz"], {"bytes": 7})),
        ("s3.PutObject", {"Key": "a.gz"}, {}, ("request", [], {"operation": "s3.PutObject"})),
    ],
)
def test_a_request_in_the_trace(operation, arguments, answer, expected):
    assert Observation()(operation, arguments, answer) == expected


def test_a_request_that_failed_in_the_trace():
    error = CloudError("s3.GetObject", "NoSuchKey", "it is gone", 404)
    kind, ids, data = Observation()("s3.GetObject", {"Key": "a.gz"}, error)
    assert (kind, ids) == ("request", [])
    assert data == {"operation": "s3.GetObject", "error": "s3.GetObject failed with NoSuchKey: it is gone"}


def test_messages_keep_their_id_through_receive_visibility_and_delete():
    observe = Observation(visibility=30.0)
    message = {"MessageId": "m1", "ReceiptHandle": "h1", "Body": body("a+b%2B.gz", "c.gz")}
    kind, ids, data = observe(
        "sqs.ReceiveMessage", {"MaxNumberOfMessages": 3, "WaitTimeSeconds": 2}, {"Messages": [message]}
    )
    assert (kind, ids) == ("receive", ["m1"])
    assert data == {
        "counts": [1],
        "max": 3,
        "wait": 2,
        "visibility": 30.0,
        "names": [["bucket/a b+.gz", "bucket/c.gz"]],
    }
    observe("sqs.ReceiveMessage", {}, {"Messages": [{**message, "ReceiptHandle": "h2"}]})
    hidden = {"Entries": [{"Id": "x", "ReceiptHandle": "h1", "VisibilityTimeout": 5}]}
    assert observe("sqs.ChangeMessageVisibilityBatch", hidden, {"Successful": [{"Id": "x"}]}) == (
        *("visibility", ["m1"], {"seconds": [5]}),
    )
    entries = {"Entries": [{"Id": "0", "ReceiptHandle": "h2"}, {"Id": "1", "ReceiptHandle": "nobody's"}]}
    failed = {"Successful": [], "Failed": [{"Id": "0", "Code": "InternalError"}]}
    assert observe("sqs.DeleteMessageBatch", entries, failed) == (
        *("delete", [], {"deleted": 0, "failed": 1, "refused": ["m1"]}),
    )
    done = {"Successful": [{"Id": "0"}, {"Id": "1"}]}
    assert observe("sqs.DeleteMessageBatch", entries, done) == ("delete", ["m1"], {"deleted": 2, "failed": 0})
    assert observe._ids == {}  # nothing is kept of what is deleted: a run may never end


def body(*keys):
    return json.dumps({"Records": [{"s3": {"bucket": {"name": "bucket"}, "object": {"key": key}}} for key in keys]})


@pytest.mark.parametrize(
    "odd", ["", "no json", "[]", "null", '{"Event": "s3:TestEvent"}', '{"Records": [{}]}', "[" * 9999]
)
def test_a_body_that_names_no_file(odd):
    assert names_in(odd) == []
