"""What tests of the machines say: what they are told, and what they are expected to do, in a word each."""

from palleto.core import ASK, CANCEL, EVENTS, SUBSCRIBE, ListPort, Subscription, Terms

CRASH = RuntimeError("crash")


def subscription(consumer="consumer", producer="producer", most=10, least=0, **settings):
    return Subscription(producer, consumer, Terms(max_demand=most, min_demand=least, **settings))


class AtOnce(ListPort):
    """A port whose calls come back at once, with what stands in `results`, or else None."""

    def __init__(self):
        super().__init__()
        self.results = []

    def call(self, callback, argument, then):
        self.append(("call", callback, argument))
        then(self.results.pop(0) if self.results else None)


def made(machine, *args, **settings):
    """A machine whose port is a list."""
    return machine(ListPort(), *args, **settings)


def tell(machine, kind, about, what=None):
    """Give it a message; what it does about it."""
    machine.receive((kind, about, what))
    return machine.port.read()


def back(machine, result=None):
    """Let its oldest call come back; what it does then."""
    machine.port.returns(machine, result)
    return machine.port.read()


def enter(producer, to):
    """`to` subscribes to the producer; what the producer does once handle_subscribe has come back."""
    assert tell(producer, SUBSCRIBE, to) == [("call", "handle_subscribe", ("consumer", to))]
    return back(producer)


def entered(producer, *asks):
    """A subscription of consumer a, b, ... for each number, which asks for that many; handle_demand returns None."""
    subscriptions = [subscription("abcdefgh"[at]) for at in range(len(asks))]
    for to, count in zip(subscriptions, asks, strict=True):
        assert enter(producer, to) == []
        if count and tell(producer, ASK, to, count):
            assert back(producer) == []
    return subscriptions


def joined(machine, at, mode=None):
    """The machine subscribes; what it does once handle_subscribe has come back."""
    machine.subscribe(at)
    assert machine.port.read() == [("call", "handle_subscribe", ("producer", at))]
    return back(machine, mode)


# ---- what machines do


def demand(count):
    return ("call", "handle_demand", count)


def handle(batch):
    return ("call", "handle_events", batch)


def ends(kind, at, reason):
    return ("call", "handle_cancel", ((kind, reason), at))


def subscribe(at):
    return ("send", at.producer, (SUBSCRIBE, at, None))


def ask(at, count):
    return ("send", at.producer, (ASK, at, count))


def events(to, batch):
    return ("send", to.consumer, (EVENTS, to, batch))


def cancel(to, at, reason):
    return ("send", to, (CANCEL, at, reason))
