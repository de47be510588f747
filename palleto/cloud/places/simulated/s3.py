# ruff: noqa: N803 - the operations have boto3's names and arguments, and boto3's documentation.
"""Simulated S3: boto3's operations on buckets of objects. An operation is a coroutine method with boto3's name."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from palleto.cloud.clients.body import MemoryBody
from palleto.cloud.places.simulated.notification import event_message, matches, test_message
from palleto.cloud.places.simulated.sqs import SimulatedSQS
from palleto.cloud.places.simulated.world import REGION, Service, World
from palleto.errors import CloudError

Response = dict[str, Any]


@dataclass(frozen=True)
class StoredObject:
    """An object's bytes and what S3 says about them."""

    data: bytes
    etag: str  # with its quotation marks, as S3 answers
    modified: datetime
    content_type: str
    metadata: dict[str, str]
    version: str | None = None  # in a bucket with versions
    deleted: bool = False  # a version that says that there is none: a delete marker

    def head(self) -> Response:
        """What HeadObject answers, and GetObject beside its Body."""
        return {
            "ContentLength": len(self.data),
            "ETag": self.etag,
            "LastModified": self.modified,
            "ContentType": self.content_type,
            "Metadata": dict(self.metadata),
            "AcceptRanges": "bytes",
            **_version(self),
        }


@dataclass
class Bucket:
    """A bucket: its objects by key, all versions of each, the oldest first, if it keeps them, and its settings."""

    name: str
    objects: dict[str, StoredObject] = field(default_factory=dict)
    versions: dict[str, list[StoredObject]] = field(default_factory=dict)
    versioned: bool = False
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
        bucket = self._bucket("DeleteBucket", Bucket)
        if bucket.objects or bucket.versions:
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
        test = test_message(Bucket, self.world.date(), self.world.token(16).upper(), self.world.token(32))
        for queue in queues:
            if queue is not None:
                self.sqs.put(queue, test)
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
        stored = StoredObject(data, etag, self.world.date(), ContentType, Metadata or {}, self._new_version(bucket))
        bucket.objects[Key] = stored
        if stored.version is not None:
            bucket.versions.setdefault(Key, []).append(stored)
        self._notify(bucket, Key, "ObjectCreated:Put", stored)
        return {"ETag": etag, **_version(stored)}

    def _new_version(self, bucket: Bucket) -> str | None:
        return self.world.token() if bucket.versioned else None

    async def get_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> Response:
        stored = self._object("GetObject", Bucket, Key, VersionId)
        await self.world.pause(self.world.simulation.get_object)
        return {**stored.head(), "Body": MemoryBody(stored.data)}

    def reopen(self, arguments: Response, etag: str, offset: int, attempt: int) -> MemoryBody:
        """The rest of an object's body, if it is still the same object. Nothing waits here: time is virtual."""
        stored = self._object("GetObject", arguments["Bucket"], arguments["Key"], arguments.get("VersionId"))
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

    async def list_object_versions(self, Bucket: str, Prefix: str = "") -> Response:
        """All versions, at one time: the newest of each key first."""
        bucket = self._bucket("ListObjectVersions", Bucket)
        found = [
            (key, stored)
            for key in sorted(bucket.versions)
            for stored in reversed(bucket.versions[key])
            if key.startswith(Prefix)
        ]
        listed: dict[bool, list[Response]] = {False: [], True: []}
        for key, stored in found:
            is_latest = stored is bucket.versions[key][-1]
            listed[stored.deleted].append(
                {"Key": key, "VersionId": stored.version, "IsLatest": is_latest, "LastModified": stored.modified}
                | ({} if stored.deleted else {"ETag": stored.etag, "Size": len(stored.data)})
            )
        answer: Response = {"Name": Bucket, "Prefix": Prefix, "IsTruncated": False}
        for name, each in (("Versions", listed[False]), ("DeleteMarkers", listed[True])):
            if each:
                answer[name] = each
        return answer

    async def put_bucket_versioning(self, Bucket: str, VersioningConfiguration: Response) -> Response:
        self._bucket("PutBucketVersioning", Bucket).versioned = VersioningConfiguration["Status"] == "Enabled"
        return {}

    async def delete_object(self, Bucket: str, Key: str, VersionId: str | None = None) -> Response:
        bucket = self._bucket("DeleteObject", Bucket)
        if VersionId is None:
            bucket.objects.pop(Key, None)  # S3 does not say whether it was there
            if (version := self._new_version(bucket)) is None:
                return {}
            marker = StoredObject(b"", "", self.world.date(), "", {}, version, deleted=True)
            bucket.versions.setdefault(Key, []).append(marker)
            return {"DeleteMarker": True, "VersionId": version}
        left = [stored for stored in bucket.versions.pop(Key, []) if stored.version != VersionId]
        bucket.objects.pop(Key, None)
        if left:
            bucket.versions[Key] = left
            if not left[-1].deleted:
                bucket.objects[Key] = left[-1]
        return {"VersionId": VersionId}

    async def delete_objects(self, Bucket: str, Delete: Response) -> Response:
        bucket = self._bucket("DeleteObjects", Bucket)
        for entry in Delete["Objects"]:
            await self.delete_object(bucket.name, entry["Key"], entry.get("VersionId"))
        return {"Deleted": [{"Key": entry["Key"]} for entry in Delete["Objects"]]}

    def _bucket(self, operation: str, name: str) -> Bucket:
        if name not in self.buckets:
            raise _error(operation, "NoSuchBucket", "The specified bucket does not exist", 404)
        return self.buckets[name]

    def _object(self, operation: str, bucket: str, key: str, version: str | None = None) -> StoredObject:
        stored = self._bucket(operation, bucket).objects.get(key)
        if version is not None:
            versions = self._bucket(operation, bucket).versions.get(key, [])
            stored = next((each for each in versions if each.version == version and not each.deleted), None)
            if stored is None:
                raise _error(operation, "NoSuchVersion", "The specified version does not exist.", 404)
        if stored is None:
            raise _error(operation, "NoSuchKey", "The specified key does not exist.", 404)
        return stored

    def _notify(self, bucket: Bucket, key: str, event: str, stored: StoredObject) -> None:
        for configuration in bucket.notification.get("QueueConfigurations", []):
            queue = self.sqs.by_arn(configuration["QueueArn"])
            if queue is None or not matches(configuration, key, event):
                continue
            bucket.events += 1
            message = event_message(
                bucket.name,
                key,
                event,
                size=len(stored.data),
                etag=stored.etag,
                version=stored.version,
                at=stored.modified,
                number=bucket.events,
                configuration=configuration["Id"],
            )
            self.sqs.put(queue, message, queue.delay + self.world.draw(self.world.simulation.arrival))


def _version(stored: StoredObject) -> Response:
    """What an answer says of an object's version; nothing in a bucket without versions."""
    return {} if stored.version is None else {"VersionId": stored.version}


def _bucket(name: str) -> Bucket:
    return Bucket(name)  # inside the class, boto3's argument `Bucket` hides the class's name


def _error(operation: str, code: str, message: str, status: int) -> CloudError:
    return CloudError(f"s3.{operation}", code, message, status)
