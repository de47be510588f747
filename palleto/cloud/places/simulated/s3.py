# ruff: noqa: N803 - the operations have boto3's names and arguments, and boto3's documentation.
"""Simulated S3: buckets of objects, and the messages that a bucket's notification sends to a queue."""

from __future__ import annotations

import hashlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO
from urllib.parse import quote_plus

from palleto.cloud.clients.download import CHUNK
from palleto.cloud.places.simulated.sqs import SimulatedSQS
from palleto.cloud.places.simulated.world import ACCOUNT, REGION, Service, World
from palleto.errors import CloudError

Response = dict[str, Any]


class MemoryBody:
    """The `Body` of an object in memory: the methods of `palleto.cloud.boto.Body`."""

    def __init__(self, data: bytes) -> None:
        self._stream = io.BytesIO(data)

    def __enter__(self) -> MemoryBody:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def read(self, n: int | None = None) -> bytes:
        """The next bytes, at most `n`; all that are left without `n`; empty at the end, and when closed."""
        return b"" if self._stream.closed else self._stream.read(n)

    def iter_chunks(self, size: int = CHUNK) -> Iterator[bytes]:
        """The rest of the bytes, in chunks of `size`; the last may be shorter."""
        while chunk := self.read(size):
            yield chunk

    def close(self) -> None:
        """Drop the bytes."""
        self._stream.close()


@dataclass(frozen=True)
class StoredObject:
    """An object's bytes and what S3 says about them."""

    data: bytes
    etag: str  # with its quotation marks, as S3 answers
    modified: datetime
    content_type: str
    metadata: dict[str, str]

    def head(self) -> Response:
        """What HeadObject answers, and GetObject beside its Body."""
        return {
            "ContentLength": len(self.data),
            "ETag": self.etag,
            "LastModified": self.modified,
            "ContentType": self.content_type,
            "Metadata": dict(self.metadata),
            "AcceptRanges": "bytes",
        }


@dataclass
class Bucket:
    """A bucket: its objects by key, and its settings."""

    name: str
    objects: dict[str, StoredObject] = field(default_factory=dict)
    notification: Response = field(default_factory=dict)
    public_access_block: Response | None = None
    events: int = 0  # how many it sent: the source of each event's sequencer


class SimulatedS3(Service):
    """S3: `buckets` by name."""

    def __init__(self, world: World, sqs: SimulatedSQS) -> None:
        self.world = world
        self.sqs = sqs
        self.buckets: dict[str, Bucket] = {}

    def __repr__(self) -> str:
        return "simulated S3"

    # --- buckets ---

    async def create_bucket(self, Bucket: str, CreateBucketConfiguration: Response | None = None) -> Response:
        if Bucket not in self.buckets:  # making one's own bucket again is no error in us-east-1
            self.buckets[Bucket] = _bucket(Bucket)
        return {"Location": f"/{Bucket}"}

    async def head_bucket(self, Bucket: str) -> Response:
        if Bucket not in self.buckets:
            raise _error("HeadBucket", "404", "Not Found", 404)
        return {"BucketRegion": REGION}

    async def list_buckets(self) -> Response:
        return {"Buckets": [{"Name": name} for name in sorted(self.buckets)]}

    async def delete_bucket(self, Bucket: str) -> Response:
        if self._bucket("DeleteBucket", Bucket).objects:
            raise _error("DeleteBucket", "BucketNotEmpty", "The bucket you tried to delete is not empty", 409)
        del self.buckets[Bucket]
        return {}

    async def put_bucket_notification_configuration(
        self, Bucket: str, NotificationConfiguration: Response, SkipDestinationValidation: bool = False
    ) -> Response:
        name = "PutBucketNotificationConfiguration"
        bucket = self._bucket(name, Bucket)
        wanted = NotificationConfiguration.get("QueueConfigurations", [])
        queues = [self.sqs.by_arn(configuration["QueueArn"]) for configuration in wanted]
        if None in queues:
            message = "Unable to validate the following destination configurations"
            raise _error(name, "InvalidArgument", message, 400)
        configurations = [
            {"Id": configuration.get("Id") or self.world.token(8), **configuration} for configuration in wanted
        ]
        bucket.notification = {"QueueConfigurations": configurations} if configurations else {}
        test = {
            "Service": "Amazon S3",
            "Event": "s3:TestEvent",
            "Time": _timestamp(self.world.date()),
            "Bucket": Bucket,
            "RequestId": self.world.token(16).upper(),
            "HostId": self.world.token(32),
        }
        for queue in queues:
            if queue is not None:
                self.sqs.put(queue, json.dumps(test))
        return {}

    async def get_bucket_notification_configuration(self, Bucket: str) -> Response:
        return dict(self._bucket("GetBucketNotificationConfiguration", Bucket).notification)

    async def put_public_access_block(self, Bucket: str, PublicAccessBlockConfiguration: Response) -> Response:
        bucket = self._bucket("PutPublicAccessBlock", Bucket)
        bucket.public_access_block = dict(PublicAccessBlockConfiguration)
        return {}

    async def get_public_access_block(self, Bucket: str) -> Response:
        block = self._bucket("GetPublicAccessBlock", Bucket).public_access_block
        if block is None:
            message = "The public access block configuration was not found"
            raise _error("GetPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", message, 404)
        return {"PublicAccessBlockConfiguration": dict(block)}

    # --- objects ---

    async def put_object(
        self,
        Bucket: str,
        Key: str,
        Body: bytes | BinaryIO = b"",
        ContentType: str = "binary/octet-stream",
        ContentEncoding: str = "",
        Metadata: dict[str, str] | None = None,
    ) -> Response:
        bucket = self._bucket("PutObject", Bucket)
        data = bytes(Body) if isinstance(Body, bytes | bytearray | memoryview) else Body.read()
        await self.world.pause(self.world.simulation.put_object)
        etag = f'"{hashlib.md5(data, usedforsecurity=False).hexdigest()}"'
        stored = StoredObject(data, etag, self.world.date(), ContentType, Metadata or {})
        bucket.objects[Key] = stored
        self._notify(bucket, Key, "ObjectCreated:Put", stored)
        return {"ETag": etag}

    async def get_object(self, Bucket: str, Key: str) -> Response:
        stored = self._object("GetObject", Bucket, Key)
        await self.world.pause(self.world.simulation.get_object)
        return {**stored.head(), "Body": MemoryBody(stored.data)}

    def reopen(self, arguments: Response, etag: str, offset: int, attempt: int) -> MemoryBody:
        """The rest of an object's body, if it is still the same object. Nothing waits here: time is virtual."""
        stored = self._object("GetObject", arguments["Bucket"], arguments["Key"])
        if stored.etag != etag:
            message = "At least one of the pre-conditions you specified did not hold"
            raise _error("GetObject", "PreconditionFailed", message, 412)
        return MemoryBody(stored.data[offset:])

    async def head_object(self, Bucket: str, Key: str) -> Response:
        if Bucket not in self.buckets or Key not in self.buckets[Bucket].objects:
            raise _error("HeadObject", "404", "Not Found", 404)  # an answer to HEAD has no room for a code
        return self.buckets[Bucket].objects[Key].head()

    async def list_objects_v2(
        self,
        Bucket: str,
        Prefix: str = "",
        MaxKeys: int = 1000,
        ContinuationToken: str = "",
        StartAfter: str = "",
    ) -> Response:
        bucket = self._bucket("ListObjectsV2", Bucket)
        after = ContinuationToken or StartAfter
        keys = [key for key in sorted(bucket.objects) if key.startswith(Prefix) and key > after]
        page = keys[: min(MaxKeys, 1000)]
        answer: Response = {"Name": Bucket, "Prefix": Prefix, "MaxKeys": MaxKeys, "KeyCount": len(page)}
        answer["IsTruncated"] = len(page) < len(keys)
        if answer["IsTruncated"]:
            answer["NextContinuationToken"] = page[-1] if page else after
        if page:
            answer["Contents"] = [
                {"Key": key, "Size": len(stored.data), "ETag": stored.etag, "LastModified": stored.modified}
                for key in page
                for stored in (bucket.objects[key],)
            ]
        return answer

    async def delete_object(self, Bucket: str, Key: str) -> Response:
        self._bucket("DeleteObject", Bucket).objects.pop(Key, None)  # S3 does not say whether it was there
        return {}

    async def delete_objects(self, Bucket: str, Delete: Response) -> Response:
        bucket = self._bucket("DeleteObjects", Bucket)
        for entry in Delete["Objects"]:
            bucket.objects.pop(entry["Key"], None)
        return {"Deleted": [{"Key": entry["Key"]} for entry in Delete["Objects"]]}

    def _bucket(self, operation: str, name: str) -> Bucket:
        if name not in self.buckets:
            raise _error(operation, "NoSuchBucket", "The specified bucket does not exist", 404)
        return self.buckets[name]

    def _object(self, operation: str, bucket: str, key: str) -> StoredObject:
        stored = self._bucket(operation, bucket).objects.get(key)
        if stored is None:
            raise _error(operation, "NoSuchKey", "The specified key does not exist.", 404)
        return stored

    def _notify(self, bucket: Bucket, key: str, event: str, stored: StoredObject) -> None:
        for configuration in bucket.notification.get("QueueConfigurations", []):
            queue = self.sqs.by_arn(configuration["QueueArn"])
            if queue is None or not _matches(configuration, key, event):
                continue
            bucket.events += 1
            body = _event(bucket, key, event, stored, configuration["Id"])
            delay = self.world.draw(self.world.simulation.arrival)
            self.sqs.put(queue, json.dumps({"Records": [body]}), delay)


def _bucket(name: str) -> Bucket:
    return Bucket(name)  # inside the class, boto3's argument `Bucket` hides the class's name


def _matches(configuration: Response, key: str, event: str) -> bool:
    """Whether a notification's events and its filter of prefix and suffix speak of this key."""
    wanted = any(f"s3:{event}".startswith(name.rstrip("*")) for name in configuration["Events"])
    rules = configuration.get("Filter", {}).get("Key", {}).get("FilterRules", [])
    return wanted and all(
        key.startswith(rule["Value"]) if rule["Name"].lower() == "prefix" else key.endswith(rule["Value"])
        for rule in rules
    )


def _event(bucket: Bucket, key: str, event: str, stored: StoredObject, configuration_id: str) -> Response:
    """One record of S3's event message; its key is encoded as AWS does: a space as +, all but / in percent."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": REGION,
        "eventTime": _timestamp(stored.modified),
        "eventName": event,
        "userIdentity": {"principalId": f"AWS:{ACCOUNT}"},
        "requestParameters": {"sourceIPAddress": "127.0.0.1"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration_id,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": ACCOUNT},
                "arn": f"arn:aws:s3:::{bucket.name}",
            },
            "object": {
                "key": quote_plus(key, safe="/"),
                "size": len(stored.data),
                "eTag": stored.etag.strip('"'),
                "sequencer": f"{bucket.events:018X}",
            },
        },
    }


def _timestamp(date: datetime) -> str:
    return date.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error(operation: str, code: str, message: str, status: int) -> CloudError:
    return CloudError(f"s3.{operation}", code, message, status)
