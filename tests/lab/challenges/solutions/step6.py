"""Solutions of step 6's challenges: each is a pipeline that reaches the goal of its name."""

import json
from contextlib import suppress
from urllib.parse import unquote_plus

from palleto import Supervisor, child
from steps.step6 import Consumer, Event, Producer, Server


class RecordByRecord(Server):
    @staticmethod
    def parse(message):
        events = []
        for record in json.loads(message["Body"]).get("Records", []):
            with suppress(KeyError):
                key = unquote_plus(record["s3"]["object"]["key"])
                events.append(Event(record["s3"]["bucket"]["name"], key, None))
        return events


def two_files(warehouse) -> Supervisor:
    return Supervisor([child(RecordByRecord, warehouse), child(Producer), child(Consumer)], strategy="rest_for_one")
