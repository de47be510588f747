"""moto, mended for pipelines.

moto is made for tests of single calls. Four things are mended here, in this process only, because a pipeline
needs them (numbers: moto 5.2 on two cores):

- Its SQS looks at every queued message on each receive, several times, and reads the clock by datetime
  arithmetic each time: 206 ms a receive at a depth of 3,000. A plain clock brings that down to 12 ms.
- Its SQS has no lock: 64 threads were handed 1 or 2 of 300 messages twice. Each operation that changes a queue
  now holds one lock; a long poll holds it only while it looks.
- It asks botocore for the regions and services that there are, with a session that reads the user's files.
- Its CloudFormation imports the models of 22 services, EC2 to SageMaker, for 2.3 s. A template of buckets and
  queues needs none of them.
"""

from __future__ import annotations

import importlib
import importlib.abc
import importlib.machinery
import json
import sys
import threading
import time
import types
from collections.abc import Sequence
from typing import Any

from palleto.cloud.places.isolation import isolated_session

LOOK = 0.1  # seconds between a long poll's looks for messages that came back by themselves

# The services whose models moto.cloudformation.parsing imports, and that no template of ours can name.
UNUSED = frozenset(
    [
        "apigateway",
        "autoscaling",
        "awslambda",
        "batch",
        "datapipeline",
        "dynamodb",
        "ec2",
        "ecr",
        "ecs",
        "efs",
        "elb",
        "elbv2",
        "emr",
        "iot",
        "kinesis",
        "kms",
        "rds",
        "redshift",
        "route53",
        "sagemaker",
        "ssm",
        "stepfunctions",
    ]
)

_lock = threading.RLock()  # held by each operation that changes a queue
_mended = False
_queue_policy: type | None = None


def mend() -> None:
    """Mend moto as this module's text says; the second call does nothing."""
    global _mended
    with _lock:
        if _mended:
            return
        _import_cloudformation()
        _teach_queue_policy()
        _mend_dispatcher()
        _mend_sessions()
        _mend_sqs()
        _mended = True


def _mend_dispatcher() -> None:
    backends: Any = importlib.import_module("moto.backends")
    # Every request lists moto's folder to see whether its host names a service.
    names = tuple(backends.list_of_moto_modules())
    backends.list_of_moto_modules = lambda: names


def _mend_sessions() -> None:
    import boto3

    session = isolated_session()
    own: Any = boto3.Session(botocore_session=session)
    backend: Any = importlib.import_module("moto.core.base_backend").AccountSpecificBackend
    backend.get_session = classmethod(lambda cls: own)
    utils: Any = importlib.import_module("moto.core.utils")
    utils.Session = lambda: session


def _mend_sqs() -> None:
    models: Any = importlib.import_module("moto.sqs.models")
    models.unix_time = time.time
    models.unix_time_millis = lambda: time.time() * 1000
    backend = models.SQSBackend
    unlocked_receive = backend.receive_message

    def receive_message(
        self: Any, queue_name: str, count: int, wait: int, visibility_timeout: int, names: Any = None
    ) -> Any:
        end = time.monotonic() + (wait or 0)
        while True:
            with _lock:
                messages = unlocked_receive(self, queue_name, count, 0, visibility_timeout, names)
            left = end - time.monotonic()
            if messages or left <= 0:
                return messages
            self.get_queue(queue_name).wait_for_messages(min(LOOK, left))

    def is_valid(self: Any, queue_name: str, message: Any) -> bool:
        # moto's own asks for all attributes, and counts the whole queue three times for each message.
        retention = int(self.get_queue(queue_name).message_retention_period)
        return bool(retention + message.sent_timestamp / 1000 > time.time())

    backend.receive_message = receive_message
    backend.is_message_valid_based_on_retention_period = is_valid
    for name in ("send_message", "delete_message", "change_message_visibility", "purge_queue"):
        setattr(backend, name, _locked(getattr(backend, name)))


def _locked(method: Any) -> Any:
    def locked(self: Any, *args: Any, **kwargs: Any) -> Any:
        with _lock:
            return method(self, *args, **kwargs)

    return locked


class _QueuePolicy:
    """moto's CloudFormation skips an `AWS::SQS::QueuePolicy` with a warning on standard error; this makes it."""

    def __init__(self, name: str) -> None:
        self.physical_resource_id = name

    @staticmethod
    def cloudformation_name_type() -> str:
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        return "AWS::SQS::QueuePolicy"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        return False

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> _QueuePolicy:
        backends: Any = importlib.import_module("moto.sqs.models").sqs_backends
        properties = cloudformation_json["Properties"]
        policy = {"Policy": json.dumps(properties["PolicyDocument"])}
        for url in properties["Queues"]:
            backends[account_id][region_name].set_queue_attributes(url.rpartition("/")[2], policy)
        return cls(resource_name)

    @classmethod
    def update_from_cloudformation_json(cls, original: Any, new_name: str, *args: Any) -> _QueuePolicy:
        return cls.create_from_cloudformation_json(new_name, *args)

    @classmethod
    def delete_from_cloudformation_json(cls, *_: Any) -> None:
        """Do nothing: a policy ends with its queue."""

    def is_created(self) -> bool:
        return True


def _teach_queue_policy() -> None:
    global _queue_policy
    models: Any = importlib.import_module("moto.core.common_models")
    # moto finds its models as the subclasses of this one, so the new class has to be kept.
    _queue_policy = type("QueuePolicy", (_QueuePolicy, models.CloudFormationModel), {})


class _EmptyModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds each `moto.<unused service>` as an empty module, whose every name is an empty class."""

    def __init__(self) -> None:
        self.made: list[str] = []

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        package, _, rest = fullname.partition(".")
        if package != "moto" or rest.partition(".")[0] not in UNUSED:
            return None
        self.made.append(fullname)
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        module = types.ModuleType(spec.name)

        def empty_class(name: str) -> type:
            if name.startswith("__"):
                raise AttributeError(name)
            return type(name, (), {})

        module.__getattr__ = empty_class  # type: ignore[method-assign]
        return module

    def exec_module(self, module: types.ModuleType) -> None:
        """Leave the module empty."""


def _import_cloudformation() -> None:
    """Import moto's CloudFormation in 0.1 s instead of 2.3 s; as it is, should that fail with another moto."""
    if "moto.cloudformation" in sys.modules:
        return
    # First what S3 and SQS import for themselves, so that only CloudFormation sees empty modules.
    for name in ("moto.s3.responses", "moto.sqs.responses"):
        importlib.import_module(name)
    finder = _EmptyModules()
    sys.meta_path.insert(0, finder)
    try:
        importlib.import_module("moto.cloudformation.responses")
    except Exception:
        for name in [name for name in sys.modules if name.startswith("moto.cloudformation")]:
            del sys.modules[name]
    finally:
        sys.meta_path.remove(finder)
        # Whoever else uses moto in this process imports the real ones.
        for name in finder.made:
            sys.modules.pop(name, None)
            vars(sys.modules["moto"]).pop(name.removeprefix("moto."), None)
    importlib.import_module("moto.cloudformation.responses")
