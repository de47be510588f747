"""The messages of the queue, from a receive to the delete, the next delivery, or the dead-letter queue.

Read in this order:

    messages.py      what is in a message, and which messages are in other things
    notifications.py which files are new, as S3 says it, whoever has wrapped that
    leases.py        the messages in hand: extended, deleted when done, given back when not
    returns.py       those on their way back to the queue, until it has heard of it
    redrive.py       which messages a server's queue has moved to its dead-letter queue
    dead_letters.py  what is in the dead-letter queue, why, and the way back
"""

from palleto.cloud.queue.dead_letters import DeadLetter, dead_letters, put_back
from palleto.cloud.queue.leases import Held, Lease, Leases
from palleto.cloud.queue.messages import Message, handles_in, parsed
from palleto.cloud.queue.notifications import S3File, new_files
from palleto.cloud.queue.redrive import Redrive
from palleto.cloud.queue.returns import BATCH, Returns

__all__ = [
    "BATCH",
    "DeadLetter",
    "Held",
    "Lease",
    "Leases",
    "Message",
    "Redrive",
    "Returns",
    "S3File",
    "dead_letters",
    "handles_in",
    "new_files",
    "parsed",
    "put_back",
]
