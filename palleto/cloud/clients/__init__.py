"""Clients of SQS, S3 and CloudFormation: boto3's operations as awaitable methods, on whatever carries them.

Read in this order:

    client.py     one service's client; its rules
    errors.py     what goes wrong with a request, what passes, and how long to wait until then
    patience.py   how long a sent request is waited for
    boto.py       boto3 behind a client

Downloads of objects:

    download.py   an object's body, which goes on where it broke off
    downloads.py  several objects at one time, each unzipped to a file
    direct.py     a request that a worker thread sends itself
    shortcut.py   a request without boto3's model of S3
"""

from palleto.cloud.clients.boto import Body, BotoTransport
from palleto.cloud.clients.client import Client, Observer, Response, Transport
from palleto.cloud.clients.downloads import MAX_BYTES, Downloads, Found, Wanted
from palleto.cloud.clients.patience import Patience
from palleto.cloud.clients.shortcut import Shortcut

__all__ = [
    "MAX_BYTES",
    "Body",
    "BotoTransport",
    "Client",
    "Downloads",
    "Found",
    "Observer",
    "Patience",
    "Response",
    "Shortcut",
    "Transport",
    "Wanted",
]
