"""The door to the cloud: SQS, S3 and CloudFormation, on each of five places.

Read in this order:

    door.py       open_cloud: what a step sees
    place.py      which place, and how a run stays away from AWS
    consent.py    a question before anything is made on AWS
    client.py     boto3's operations as awaitable methods; a sent request is always answered
    threads.py    where those that block are made
    patience.py   until the run must end: then it is left behind
    endurance.py  which errors are tried again, and which end the run
    delivery.py   one message: whether it is whole, and what is in it
    answers.py    one line for an answer that lacks what it must have
    download.py   the body of an object, which goes on where it broke off
    faults.py     what goes wrong, on purpose
    session.py    the boto3 clients of a real place
    embedded.py   a moto server in this process
    simulated/    the services in memory, on the run's clock
    template.py   the CloudFormation template, read and resolved
    stack.py      deploy: the bucket, its queue, its dead-letter queue
    teardown.py   its opposite
    samples.py    twelve days of app events, and more; upload
    leases.py     the messages in hand
    returns.py    those that go back: to be deleted, or handed out again
    warehouse.py  what steps 6 to 9 work with

    localstack.py     LocalStack without Docker: up, down, status
    dead_letters.py   what could not be processed, why, and the way back

Importing this imports neither boto3 nor moto: they are imported when a place that needs them is opened.
"""

from palleto.cloud.boto import Body
from palleto.cloud.client import Client, Observer
from palleto.cloud.door import Clients, Cloud, open_cloud
from palleto.cloud.faults import Faults
from palleto.cloud.place import PLACES, Place, choose
from palleto.cloud.samples import Sample, sample, samples, upload
from palleto.cloud.simulated import Ledger, Simulated, Simulation
from palleto.cloud.stack import Stack, deploy

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
    "open_cloud",
    "sample",
    "samples",
    "upload",
]
