"""The pipeline's infrastructure and what is put there, on any place.

Read in this order:

    deployment.py  deploy: the bucket, its queue and its dead-letter queue; what is missing of them is made
    teardown.py    the opposite: what `deploy` made, and only that
    samples.py     twelve days of app events, and more, made on this machine
    upload.py      files into the bucket, of which S3 tells the queue
"""

from palleto.cloud.stack.deployment import DEAD_LETTERS, QUEUE, Deployment, Stack, deploy
from palleto.cloud.stack.samples import PREFIX, Sample, endless_samples, sample, samples
from palleto.cloud.stack.teardown import tear_down
from palleto.cloud.stack.upload import Uploadable, upload

__all__ = [
    "DEAD_LETTERS",
    "PREFIX",
    "QUEUE",
    "Deployment",
    "Sample",
    "Stack",
    "Uploadable",
    "deploy",
    "endless_samples",
    "sample",
    "samples",
    "tear_down",
    "upload",
]
