"""LocalStack runs this, inside its own process, as soon as it is ready: it makes the stack of `pipeline.yaml`.

`palleto.cloud.stack.deploy` finds this stack and leaves it as it is. An error here is logged by LocalStack, and
told by `GET /_localstack/init`; the first step that runs then makes the stack itself.
"""

from pathlib import Path

import boto3
from localstack import config

template = Path(config.dirs.init) / "pipeline.yaml"
cloudformation = boto3.client(
    "cloudformation",
    endpoint_url=config.internal_service_url(),
    region_name="us-east-1",
    aws_access_key_id="test",
    aws_secret_access_key="test",
)
name = "palleto-development"
cloudformation.create_stack(
    StackName=name,
    TemplateBody=template.read_text(encoding="utf-8"),
    Parameters=[{"ParameterKey": "PlainHttp", "ParameterValue": "allowed"}],
)
cloudformation.get_waiter("stack_create_complete").wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 300})
