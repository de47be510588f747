"""What tests of the cores say: subscriptions, and the effects that are expected, in a word each."""

from palleto.core import (
    Ask,
    Call,
    Events,
    Send,
    Subscribe,
    Subscription,
    Terms,
)

CRASH = RuntimeError("crash")


def subscription(consumer="consumer", producer="producer", most=10, least=0, **settings):
    return Subscription(producer, consumer, Terms(max_demand=most, min_demand=least, **settings))


def enter(producer, to, result=None):
    """`to` subscribes to the producer; what the producer does about it."""
    (call,) = producer.receive(Subscribe(to))
    assert (call.callback, call.args) == ("handle_subscribe", ("consumer", to))
    return producer.returned(call, result)


def entered(producer, *asks):
    """A subscription of consumer a, b, ... for each number, which asks for that many."""
    subscriptions = [subscription("abcdefgh"[at]) for at in range(len(asks))]
    for to, count in zip(subscriptions, asks, strict=True):
        assert enter(producer, to) == []
        if count:
            producer.receive(Ask(to, count))
    return subscriptions


def joined(stage, at, mode=None):
    """The stage subscribes; what it does about it."""
    (call,) = stage.subscribe(at)
    assert (call.callback, call.args) == ("handle_subscribe", ("producer", at))
    return stage.returned(call, mode)


def demand(count):
    return Call("handle_demand", (count,))


def events(to, batch):
    return Send(to.consumer, Events(to, batch))


def handle(effect):
    """The events of a Call(handle_events)."""
    assert effect.callback == "handle_events"
    return [*effect.args[0]]
