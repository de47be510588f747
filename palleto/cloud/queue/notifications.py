"""What S3 says in a message: which files are new. Every field that is used is looked at here, before anything is done.

S3 sends its event to the queue itself, or by way of others, who wrap it:

| way | the message's body |
|---|---|
| S3 -> SQS, or by SNS with raw delivery | `{"Records": [{"eventName": ..., "s3": {"bucket": ..., "object": ...}}]}` |
| S3 -> SNS -> SQS | `{"Type": "Notification", "Message": "that, as a string", ...}` |
| S3 -> EventBridge -> SQS | `{"source": "aws.s3", "detail-type": ..., "detail": {"bucket": ..., "object": ...}}` |

EventBridge's may come through SNS as well. An event that names no new file (one that was removed, restored, tagged or
lost), and the test messages of S3, name none. Whatever else there is is a BadMessage, of the message as a whole.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar
from urllib.parse import unquote_plus

from palleto.errors import BadMessage

T = TypeVar("T")

WRAPPED = 4
"""How many envelopes may be around each other."""
LONGEST_KEY = 1024  # bytes, S3's limit
_BUCKET = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9.\-_]{2,254}")
_VERSION = re.compile(r"[\x21-\x7e]{1,1024}")
_EVENT = re.compile(r"(s3:)?(?P<family>[A-Z][A-Za-z]+)(:[A-Za-z]+)?")


class S3File(NamedTuple):
    """A file that S3 has announced. `version`: which of the key's, in a bucket with versions; None in others."""

    bucket: str
    key: str
    version: str | None


def new_files(message: dict[str, Any]) -> list[S3File]:
    """The new files that a message of the queue names, in their order. Raises BadMessage."""
    body = message["Body"]
    try:
        return list(_files(body, WRAPPED))
    except RecursionError as error:
        raise BadMessage(f"expected the JSON of an S3 event, got RecursionError in: {body:.60}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise BadMessage(f"expected the JSON of an S3 event, got: {body:.60}{_reason(error)}") from error


def _reason(error: Exception) -> str:
    """What is wrong with a body that is long, where that can be said in a few words."""
    return f" ({error})" if isinstance(error, _WrongFieldError) else ""


class _WrongFieldError(ValueError):
    """A field that is not what it should be."""


@lru_cache(maxsize=32)  # what a receive brings is looked at twice: for the trace, and by the step
def _files(body: str, wrapped: int) -> list[S3File]:
    event = _dict(json.loads(body), "the body")
    if event.get("Type") == "SubscriptionConfirmation":
        raise _WrongFieldError("SNS asks to confirm its subscription: open the SubscribeURL in this message")
    if event.get("Type") == "Notification":
        if not wrapped:
            raise _WrongFieldError("too many envelopes")
        return _files(_field(event, "Message", _text), wrapped - 1)
    if "detail-type" in event:
        return _of_event_bridge(event)
    if event.get("Event") == "s3:TestEvent":
        return []
    records = event["Records"]
    if not isinstance(records, list):
        raise _WrongFieldError("Records is no list")
    return [file for record in records for file in _of_record(_dict(record, "a record"))]


def _of_record(record: dict[str, Any]) -> list[S3File]:
    """The file of a record of S3's; none if it is not about a new one. Keys are encoded as in a URL."""
    name = _EVENT.fullmatch(_field(record, "eventName", _text) if "eventName" in record else "ObjectCreated:Put")
    if name is None:
        raise _WrongFieldError("eventName is none of S3's")
    return [_file(_field(record, "s3", _dict), _decoded, "versionId")] if name["family"] == "ObjectCreated" else []


def _of_event_bridge(event: dict[str, Any]) -> list[S3File]:
    """The file of an event of EventBridge's; none if it is not about a new one. Keys are as they are."""
    kind = _field(event, "detail-type", _text)
    if event["source"] != "aws.s3" or not kind.startswith("Object "):
        raise _WrongFieldError("it is none of S3's")
    return [_file(_field(event, "detail", _dict), _key, "version-id")] if kind == "Object Created" else []


def _file(entity: dict[str, Any], key: Callable[[Any, str], str], version: str) -> S3File:
    """The file of `{"bucket": {"name": ...}, "object": {"key": ..., version: ...}}`."""
    bucket, stored = _field(entity, "bucket", _dict), _field(entity, "object", _dict)
    name = _bucket(bucket["name"], "the bucket's name")
    return S3File(name, _field(stored, "key", key), _version(stored.get(version), version))


def _field(entity: dict[str, Any], name: str, check: Callable[[Any, str], T]) -> T:
    return check(entity[name], name)


def _dict(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise _WrongFieldError(f"{name} is no object")
    return value


def _text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise _WrongFieldError(f"{name} is no string")
    return value


def _bucket(value: Any, name: str) -> str:
    if not _BUCKET.fullmatch(_text(value, name)):
        raise _WrongFieldError(f"{name} is none that a bucket can have")
    return str(value)


def _version(value: Any, name: str) -> str | None:
    if value in (None, ""):
        return None
    if not _VERSION.fullmatch(_text(value, name)):
        raise _WrongFieldError(f"{name} is none of S3's")
    return str(value)


def _key(value: Any, name: str) -> str:
    """A key as S3 takes it: 1 to 1,024 bytes of UTF-8."""
    if not 1 <= len(_text(value, name).encode()) <= LONGEST_KEY:
        raise _WrongFieldError(f"{name} does not have 1 to {LONGEST_KEY:,} bytes")
    return str(value)


def _decoded(value: Any, name: str) -> str:
    return _key(unquote_plus(_text(value, name), errors="strict"), name)
