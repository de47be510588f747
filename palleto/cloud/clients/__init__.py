"""Clients of SQS, S3 and CloudFormation: boto3's operations as awaitable methods, on whatever carries them.

Read in this order:

    client.py     one service's client; its rules
    errors.py     what goes wrong with a request, what passes, and how long to wait until then
    patience.py   how long a sent request is waited for
    boto.py       boto3 behind a client

Downloads of objects:

    body.py       an object's body, which goes on where it broke off, and is checked
    objects.py    obstore, for what is plainly an object
    downloads.py  several objects at one time, each unzipped to a file
"""

from palleto.cloud.clients.body import Body
from palleto.cloud.clients.boto import BotoTransport, object_name
from palleto.cloud.clients.client import Client, Observer, Response, Transport
from palleto.cloud.clients.downloads import MAX_BYTES, Downloads, Found, Named, Origin, origin
from palleto.cloud.clients.objects import Objects
from palleto.cloud.clients.patience import Patience

__all__ = [
    "MAX_BYTES",
    "Body",
    "BotoTransport",
    "Client",
    "Downloads",
    "Found",
    "Named",
    "Objects",
    "Observer",
    "Origin",
    "Patience",
    "Response",
    "Transport",
    "object_name",
    "origin",
]
