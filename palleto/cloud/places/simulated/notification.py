"""A bucket's notification: which of its objects S3 tells a queue of, and the text of the message that says so."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any
from urllib.parse import quote_plus

from palleto.cloud.places.simulated.world import ACCOUNT, REGION


def matches(configuration: dict[str, Any], key: str, event: str) -> bool:
    """Whether a notification's events and its filter of prefix and suffix speak of this key."""
    wanted = any(f"s3:{event}".startswith(name.rstrip("*")) for name in configuration["Events"])
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return wanted and all(
        key.startswith(rule["Value"]) if rule["Name"].lower() == "prefix" else key.endswith(rule["Value"])
        for rule in rules
    )


def test_message(bucket: str, now: datetime, request_id: str, host_id: str) -> str:
    """What S3 sends to a queue that a notification names, when the notification is put."""
    return json.dumps(
        {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": _timestamp(now),
            "Bucket": bucket,
            "RequestId": request_id,
            "HostId": host_id,
        }
    )


def event_message(
    bucket: str,
    key: str,
    event: str,
    *,
    size: int,
    etag: str,
    version: str | None,
    at: datetime,
    number: int,
    configuration: str,
) -> str:
    """One event of an object: the message has one record. `number` is the event's among those of its bucket, from 1.

    The key is encoded as AWS does: a space as +, all but / in percent.
    """
    record = {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": _timestamp(at),
        "eventName": event,
        "userIdentity": {"principalId": f"AWS:{ACCOUNT}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": bucket,
                "ownerIdentity": {"principalId": ACCOUNT},
                "arn": f"arn:aws:s3:::{bucket}",
            },
            "object": {
                "key": quote_plus(key, safe="/"),
                "size": size,
                "eTag": etag.strip('"'),
                **({} if version is None else {"versionId": version}),
                "sequencer": f"{number:018X}",
            },
        },
    }
    return json.dumps({"Records": [record]})


def _timestamp(date: datetime) -> str:
    return date.isoformat(timespec="milliseconds").replace("+00:00", "Z")
