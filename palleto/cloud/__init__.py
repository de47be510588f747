"""The door to the cloud: SQS, S3 and CloudFormation, on each of five places.

Read in this order:

    door.py          open_cloud: what a step sees
    place.py         which place, and how a run stays away from AWS
    consent.py       a question before anything is made on AWS
    clients/         boto3's operations as awaitable methods; a sent request is always answered
    places/          simulated, embedded, LocalStack; endpoint and AWS through a session
    template.py      the CloudFormation template, read and resolved
    stack/           deploy it, tear it down, put files there
    queue/           messages in hand, on their way back, and dead letters
    warehouse.py     what steps 6 to 9 work with

    endurance.py     which errors a run endures, and which end it
    faults.py        what goes wrong, on purpose
    trace_events.py  what requests are in a trace

    command_line.py  how commands are made, and their errors
    streams.py       standard output and error that cannot be written
    __main__.py      the command for what a run left: down, dlq
    localstack.py    the command for LocalStack without Docker: up, down, status

Importing this imports neither boto3 nor moto: they are imported when a place that needs them is opened.
"""

from palleto.cloud.clients import Body, Client, Observer
from palleto.cloud.door import Clients, Cloud, open_cloud
from palleto.cloud.faults import Faults
from palleto.cloud.place import PLACES, Place, choose
from palleto.cloud.places import Ledger, Simulated, Simulation
from palleto.cloud.queue import new_files
from palleto.cloud.stack import Sample, Stack, deploy, endless_samples, sample, samples, upload

__all__ = [
    "PLACES",
    "Body",
    "Client",
    "Clients",
    "Cloud",
    "Faults",
    "Ledger",
    "Observer",
    "Place",
    "Sample",
    "Simulated",
    "Simulation",
    "Stack",
    "choose",
    "deploy",
    "endless_samples",
    "new_files",
    "open_cloud",
    "sample",
    "samples",
    "upload",
]
