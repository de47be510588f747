"""What S3 says, in whatever clothes it comes, and what is wrong with it: one BadMessage, told in one line."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palleto import BadMessage
from palleto.cloud import new_files

BUCKET = "warehouse.development"


def record(key: Any = "a.gz", name: Any = BUCKET, **more: Any) -> dict[str, Any]:
    s3 = {"bucket": {"name": name}, "object": {"key": key, "size": 7, "eTag": "e", "sequencer": "00"}}
    return {"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": s3, **more}


def body(*records: Any) -> str:
    return json.dumps({"Records": list(records)})


def by_sns(text: Any, **more: Any) -> str:
    return json.dumps({"Type": "Notification", "MessageId": "m", "TopicArn": "arn:aws:sns:x", "Message": text, **more})


def by_event_bridge(key: Any = "a.gz", kind: Any = "Object Created", **more: Any) -> str:
    detail = {"version": "0", "bucket": {"name": BUCKET}, "object": {"key": key, "size": 7, "etag": "e"}}
    return json.dumps({"version": "0", "id": "i", "detail-type": kind, "source": "aws.s3", "detail": detail, **more})


def keys(text: str) -> list[str]:
    return [file.key for file in new_files({"MessageId": "m", "Body": text})]


TEST = json.dumps({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": BUCKET})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (body(record()), ["a.gz"]),
        (body(record("a+b%2Bc%C3%A9.gz"), record("b.gz"), record("b.gz")), ["a b+cé.gz", "b.gz", "b.gz"]),
        (body(record(eventName="s3:ObjectCreated:CompleteMultipartUpload")), ["a.gz"]),
        (body({"s3": record()["s3"]}), ["a.gz"]),
        (by_sns(body(record("a+b.gz"))), ["a b.gz"]),
        (by_event_bridge("a+b%20.gz"), ["a+b%20.gz"]),  # it encodes no keys
        (by_sns(by_event_bridge()), ["a.gz"]),
        (by_sns(by_sns(body(record()))), ["a.gz"]),
        (body(record(eventName="ObjectRemoved:Delete"), record("b.gz")), ["b.gz"]),
        *[
            (body(record(eventName=name)), [])
            for name in (
                "ObjectRemoved:DeleteMarkerCreated",
                "ObjectRestore:Completed",
                "ReducedRedundancyLostObject",
                "ObjectTagging:Put",
                "LifecycleExpiration:Delete",
                "Replication:OperationFailedReplication",
            )
        ],
        *[(by_event_bridge(kind=kind), []) for kind in ("Object Deleted", "Object Restore Completed")],
        (body(), []),
        (TEST, []),
        (by_sns(TEST), []),
    ],
)
def test_the_new_files_of_a_message(text: str, expected: list[str]) -> None:
    assert keys(text) == expected


def test_a_version_is_read_where_there_is_one() -> None:
    def versions(text: str) -> list[str | None]:
        return [file.version for file in new_files({"Body": text})]

    named = {"bucket": {"name": BUCKET}, "object": {"key": "a.gz", "versionId": "3/L4kqtJl_40"}}
    assert versions(body(record(s3=named), record())) == ["3/L4kqtJl_40", None]
    for nothing in (None, ""):
        named["object"]["versionId"] = nothing  # type: ignore[assignment]
        assert versions(body(record(s3=named))) == [None]
    detail = {"bucket": {"name": BUCKET}, "object": {"key": "a.gz", "version-id": "3"}}
    assert versions(by_event_bridge(detail=detail)) == ["3"]
    for wrong in (7, ["3"], "a b", "x" * 1025):
        named["object"]["versionId"] = wrong  # type: ignore[assignment]
        with pytest.raises(BadMessage, match="versionId is no"):
            versions(body(record(s3=named)))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("hello", ""),
        ("", ""),
        ("null", "the body is no object"),
        ("[1]", "the body is no object"),
        ("[" * 100_000, "RecursionError"),
        ("{}", ""),
        ('{"Records": null}', "Records is no list"),
        ('{"Records": {"s3": 1}}', "Records is no list"),
        (body(None), "a record is no object"),
        (body({}), ""),
        (body(record(), {"s3": None}), "s3 is no object"),
        *[(body(record(name=name)), "name is no string") for name in (None, 7, True, ["b"], {})],
        *[
            (body(record(name=name)), "name is none that")
            for name in ("", "a/b", "a b", "a\nb", "é", "..", "-ab", "x" * 256)
        ],
        *[(body(record(key)), "key is no string") for key in (None, 7, [], {})],
        *[(body(record(key)), "1 to 1,024 bytes") for key in ("", "x" * 1025)],
        *[(body(record(key)), "") for key in ("%ff.gz", "\ud800.gz")],
        *[(body(record(eventName=name)), "eventName is n") for name in (None, 7, "", "what is that", "a:b:c")],
        (by_sns(None), "Message is no string"),
        (by_sns({"Records": []}), "Message is no string"),
        (by_sns("hello"), ""),
        (by_sns("x", Type="SubscriptionConfirmation"), "open the SubscribeURL"),
        (by_sns(by_sns(by_sns(by_sns(by_sns(TEST))))), "too many envelopes"),
        *[(by_event_bridge(key), "key is no string") for key in (None, 7)],
        (by_event_bridge(kind=None), "detail-type is no string"),
        (by_event_bridge(kind="AWS API Call via CloudTrail"), "none of S3's"),
        (by_event_bridge(source="my.own"), "none of S3's"),
        (by_event_bridge(detail=None), "detail is no object"),
    ],
)
def test_what_is_not_as_it_should_be_is_one_bad_message(text: str, says: str) -> None:
    with pytest.raises(BadMessage, match=r"^expected the JSON of an S3 event, got") as caught:
        keys(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 250


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["name", "key", "s3"]), inner),
    max_leaves=5,
)


@given(st.data(), st.sampled_from([body(record()), by_sns(body(record())), by_event_bridge()]))
def test_whatever_stands_in_a_field_there_are_files_with_names_or_a_bad_message(data: Any, text: str) -> None:
    def bend(value: Any) -> Any:
        """The same with something else in one place."""
        inside = isinstance(value, dict | list) and len(value) > 0 and data.draw(st.integers(0, 4))
        if not inside:
            return data.draw(ANY)
        place = data.draw(st.sampled_from(list(value) if isinstance(value, dict) else range(len(value))))
        copy = value.copy()
        copy[place] = bend(value[place])
        return copy

    body = data.draw(st.text(max_size=50)) if data.draw(st.integers(0, 9)) == 9 else json.dumps(bend(json.loads(text)))
    try:
        files = new_files({"Body": body})
    except BadMessage:
        return
    assert all(file.bucket and file.key and isinstance(file.bucket + file.key, str) for file in files)
