"""Which errors of the cloud a run endures, and which end it.

| class | what becomes of it |
|---|---|
| PASSING | throttling, 5xx, no or half an answer: sent again, by `Client` (S3, reads), the server's loop or `Leases` |
| OBJECT | of one object: of that message alone; redelivery, dead-letter queue in the end |
| SHARED | from SQS it ends the run; from S3 it is the object's, unless the first `FEW` have it and none was got |
| ALL | about everybody, whoever says it: it ends the run at once |
| OURS | this side is to blame, and the next time would be the same; the caller's own |

What ends the run does so with one line, which says what mends it, and it is nobody's dead letter: a message stays in
hand, and is given back. `CODES` has the classes, from AWS's documentation: "Error responses" of the S3 API, the errors
of SQS's operations, and "Common errors" of all services. A code that is not in it is SHARED; from SQS, where a server
that is none of AWS's has codes of its own, it must come `FEW` times in a row.

A queue that has answered in this run and is gone now may come back: a LocalStack or moto that was started again has
lost its state, and somebody deploys the stack anew. So its absence is endured for `QUEUE_AWAY` seconds. A server that
does not answer at all, or with nothing but 5xx, is endured for `patience` seconds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from enum import Enum, auto
from typing import Any

from palleto.errors import CloudError

QUEUE_AWAY = 60.0
"""Seconds of run time for which a run waits for a queue that has answered before."""
PATIENCE = 120.0
"""Seconds of run time for which a run waits for a server that is gone, unless `--patience` says otherwise."""
FEW = 3
"""Objects that must have the same error, before any was got, to say that all have it."""


class Kind(Enum):
    """Whom an error concerns, and for how long: the table above."""

    PASSING = auto()
    OBJECT = auto()
    SHARED = auto()
    ALL = auto()
    OURS = auto()


AGAIN = "and run the step again"
RENEW = f"renew the credentials (`aws sso login`, or `aws configure`) {AGAIN}"
CLOCK = f"set this machine's clock {AGAIN}"
SECRET = f"look at the secret access key and at this machine's clock, {AGAIN}"
PERMISSION = f"give these credentials the permission {{permission}} {AGAIN}"
KEY = f"see that the KMS key is there and enabled, give these credentials kms:Decrypt for it, {AGAIN}"
ACCOUNT = f"look at the account in AWS's console {AGAIN}"
REGION = f"set AWS_DEFAULT_REGION to the region of bucket and queue {AGAIN}"
SECURE = f"use an endpoint with https {AGAIN}"
BUCKET = f"look whether the bucket is there, {AGAIN}"
SERVER = f"see that the server is there {AGAIN}"
LOOK = f"look what that is {AGAIN}"

CODES: Mapping[str, tuple[Kind, str]] = {
    # SQS and S3 are busy, or did not get the request in time.
    "BandwidthLimitExceeded": (Kind.PASSING, ""),
    "KmsThrottled": (Kind.PASSING, ""),
    "KmsThrottling": (Kind.PASSING, ""),
    "LimitExceeded": (Kind.PASSING, ""),
    "OperationAborted": (Kind.PASSING, ""),
    "OverLimit": (Kind.PASSING, ""),  # 120,000 messages in flight
    "PriorRequestNotComplete": (Kind.PASSING, ""),
    "RequestAborted": (Kind.PASSING, ""),
    "RequestLimitExceeded": (Kind.PASSING, ""),
    "RequestThrottled": (Kind.PASSING, ""),
    "RequestTimeout": (Kind.PASSING, ""),
    "SlowDown": (Kind.PASSING, ""),
    "TemporaryRedirect": (Kind.PASSING, ""),  # a new bucket's name is on its way to all name servers
    "Throttled": (Kind.PASSING, ""),
    "Throttling": (Kind.PASSING, ""),
    "TooManyRequests": (Kind.PASSING, ""),
    # One object, or one message.
    "404": (Kind.OBJECT, ""),
    "BadDigest": (Kind.OBJECT, ""),  # it came otherwise than it is in S3, again and again
    "FlexibleChecksumError": (Kind.OBJECT, ""),  # as botocore says that
    "InvalidIdFormat": (Kind.OBJECT, ""),
    "InvalidObjectState": (Kind.OBJECT, ""),  # it is archived (Glacier)
    "InvalidParameterValue": (Kind.OBJECT, ""),  # as SQS says of a receipt handle
    "InvalidRange": (Kind.OBJECT, ""),
    "KeyTooLongError": (Kind.OBJECT, ""),
    "MessageNotInflight": (Kind.OBJECT, ""),
    "MethodNotAllowed": (Kind.OBJECT, ""),  # it is a delete marker
    "NoSuchKey": (Kind.OBJECT, ""),
    "NoSuchVersion": (Kind.OBJECT, ""),
    "PreconditionFailed": (Kind.OBJECT, ""),
    "ReceiptHandleIsInvalid": (Kind.OBJECT, ""),
    # Who is asking.
    "AuthFailure": (Kind.ALL, RENEW),
    "CredentialRetrievalError": (Kind.ALL, RENEW),
    "ExpiredToken": (Kind.ALL, RENEW),
    "IncompleteSignature": (Kind.ALL, RENEW),
    "InvalidAccessKeyId": (Kind.ALL, RENEW),
    "InvalidClientTokenId": (Kind.ALL, RENEW),
    "InvalidToken": (Kind.ALL, RENEW),
    "MissingAuthenticationToken": (Kind.ALL, RENEW),
    "NoAuthTokenError": (Kind.ALL, RENEW),
    "NoCredentialsError": (Kind.ALL, RENEW),
    "PartialCredentialsError": (Kind.ALL, RENEW),
    "SSOTokenLoadError": (Kind.ALL, RENEW),
    "TokenRefreshRequired": (Kind.ALL, RENEW),
    "TokenRetrievalError": (Kind.ALL, RENEW),
    "UnauthorizedSSOTokenError": (Kind.ALL, RENEW),
    "UnrecognizedClient": (Kind.ALL, RENEW),
    "InvalidSignature": (Kind.SHARED, SECRET),
    "SignatureDoesNotMatch": (Kind.SHARED, SECRET),
    # When.
    "RequestExpired": (Kind.ALL, CLOCK),
    "RequestInTheFuture": (Kind.ALL, CLOCK),
    "RequestTimeTooSkewed": (Kind.ALL, CLOCK),
    # Whether they may. What is denied may be one object.
    "401": (Kind.SHARED, PERMISSION),
    "403": (Kind.SHARED, PERMISSION),
    "AccessDenied": (Kind.SHARED, PERMISSION),
    "AuthorizationError": (Kind.SHARED, PERMISSION),
    "NotAuthorized": (Kind.SHARED, PERMISSION),
    "UnauthorizedAccess": (Kind.SHARED, PERMISSION),
    "UnauthorizedOperation": (Kind.SHARED, PERMISSION),
    # The key that queue or object are encrypted with.
    "KmsAccessDenied": (Kind.SHARED, KEY),
    "KmsDisabled": (Kind.SHARED, KEY),
    "KmsInvalidKeyUsage": (Kind.SHARED, KEY),
    "KmsInvalidState": (Kind.SHARED, KEY),
    "KmsNotFound": (Kind.SHARED, KEY),
    "KmsOptInRequired": (Kind.SHARED, KEY),
    # The account.
    "AccountProblem": (Kind.ALL, ACCOUNT),
    "AllAccessDisabled": (Kind.SHARED, ACCOUNT),
    "InvalidPayer": (Kind.ALL, ACCOUNT),
    "NotSignedUp": (Kind.ALL, ACCOUNT),
    "OptInRequired": (Kind.ALL, ACCOUNT),
    # Where, and how.
    "301": (Kind.SHARED, REGION),
    "AuthorizationHeaderMalformed": (Kind.SHARED, REGION),
    "IllegalLocationConstraint": (Kind.SHARED, REGION),
    "PermanentRedirect": (Kind.SHARED, REGION),
    "NoSuchBucket": (Kind.SHARED, BUCKET),
    "InvalidSecurity": (Kind.ALL, SECURE),
    # This side.
    "Abandoned": (Kind.OURS, ""),  # `clients/patience.py`
    "ParamValidationError": (Kind.OURS, ""),
    "UnicodeEncodeError": (Kind.OURS, ""),
}
"""The class of each code, and what mends it. `exact` says how the names are written."""


PERMISSIONS: Mapping[str, str] = {
    "s3.GetBucketNotificationConfiguration": "s3:GetBucketNotification",
    "s3.GetPublicAccessBlock": "s3:GetBucketPublicAccessBlock",
    "s3.HeadBucket": "s3:ListBucket",
    "s3.HeadObject": "s3:GetObject",
    "s3.ListObjectVersions": "s3:ListBucketVersions",
    "s3.ListObjectsV2": "s3:ListBucket",
    "s3.PutBucketNotificationConfiguration": "s3:PutBucketNotification",
    "s3.PutPublicAccessBlock": "s3:PutBucketPublicAccessBlock",
}
"""Operations whose permission has another name; of a batch it is that of its entries."""


class Endurance:
    """Hears of every answer of the pipeline's requests, and says which error ends the run.

    patience: seconds of run time for which a server may be gone, above 0.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._gone_since: float | None = None
        self._answered = False
        self._away_since: float | None = None
        self._strange = 0  # answers of SQS in a row that `CODES` does not have
        self._got_one = False
        self._refused: defaultdict[str, set[Any]] = defaultdict(set)  # objects, by their error's code

    def judge(self, operation: str, arguments: Mapping[str, Any], answer: object, now: float) -> CloudError | None:
        """The error that ends the run, with what mends it; None to go on. `now`: seconds of run time."""
        if not isinstance(answer, CloudError):
            self._gone_since = None
            if operation.startswith("sqs."):
                self._answered, self._away_since, self._strange = True, None, 0
            elif operation == "s3.GetObject":
                self._got_one = True
            return None
        if no_queue(answer):
            self._away_since = now if self._away_since is None else self._away_since
            waited = now - self._away_since
            if not self._answered or waited >= QUEUE_AWAY:
                gone = f"it has been away for {waited:.0f} s; " if self._answered else ""
                return _ending(answer, f"{gone}run the step again, which makes the queue anew")
            return None
        kind, mends = kind_of(answer)
        if kind is Kind.PASSING and (answer.status == 0 or answer.status >= 500):
            self._gone_since = now if self._gone_since is None else self._gone_since
            if (waited := now - self._gone_since) >= self._patience:
                return _ending(answer, f"no answer for {waited:.0f} s (--patience); {SERVER}")
        else:
            self._gone_since = None
        if kind is Kind.ALL or (kind is Kind.SHARED and self._all_have_it(operation, arguments, answer)):
            return _ending(answer, mends.format(permission=_permission(operation)))
        return None

    def _all_have_it(self, operation: str, arguments: Mapping[str, Any], error: CloudError) -> bool:
        if operation.startswith("sqs."):
            self._strange += 1
            return exact(error.code) in CODES or self._strange >= FEW
        if self._got_one:
            return False
        refused = self._refused[error.code]
        refused.add((arguments.get("Bucket"), arguments.get("Key")))
        return len(refused) >= FEW


def exact(code: str) -> str:
    """The name in `CODES` of a code as a service, or a version of its protocol, writes it.

    >>> [exact(code) for code in ("ExpiredTokenException", "KMS.DisabledException", "AWS.SimpleQueueService.OverLimit")]
    ['ExpiredToken', 'KmsDisabled', 'OverLimit']
    """
    name = code.rpartition("#")[2].removeprefix("AWS.SimpleQueueService.").removesuffix("Exception")
    return re.sub(r"^KMS\.(KMS)?", "Kms", name)


def kind_of(error: CloudError) -> tuple[Kind, str]:
    """The class of an error, and what mends it."""
    kind, mends = CODES.get(exact(error.code), (None, LOOK))
    if kind is not None and kind is not Kind.SHARED:
        return kind, mends
    if error.status >= 500 or error.status in (408, 425, 429):
        return Kind.PASSING, ""
    if kind is None and error.status == 0 and not no_queue(error):  # no answer came, or none that can be read
        return Kind.PASSING, ""
    return Kind.SHARED, mends


def passing(error: CloudError) -> bool:
    """Whether the same request may succeed a moment later.

    >>> passing(CloudError("s3.GetObject", "SlowDown", "", 503))
    True
    >>> passing(CloudError("s3.GetObject", "NoSuchKey", "", 404))
    False
    """
    return kind_of(error)[0] is Kind.PASSING


def advised(error: CloudError) -> CloudError:
    """The error, with what mends it where `CODES` says so."""
    _, mends = CODES.get(exact(error.code), (Kind.SHARED, ""))
    return _ending(error, mends.format(permission=_permission(error.operation))) if mends else error


def of_all(error: Exception) -> bool:
    """Whether an error is about everybody, whatever it was said of."""
    return isinstance(error, CloudError) and kind_of(error)[0] is Kind.ALL


def no_queue(error: CloudError) -> bool:
    """Whether the error says that the queue does not exist; SQS has two names for that."""
    return error.code.endswith(("NonExistentQueue", "QueueDoesNotExist"))


def _permission(operation: str) -> str:
    """What a request needs, as a policy names it."""
    named = PERMISSIONS.get(operation) or operation.replace(".", ":").removesuffix("Batch")
    return named + (" on the queue" if operation.startswith("sqs.") else "")


def _ending(error: CloudError, mends: str) -> CloudError:
    said = str(error).partition(": ")[2].rstrip(".")
    return CloudError(error.operation, error.code, f"{said}; {mends}", error.status)
