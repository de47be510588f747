"""The express of a stage whose recorder nobody reads: express.py's own, and who counts what is consumed is told.

The recorder hears of nothing else then. As soon as somebody listens there is the clear form, from the next message on.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from palleto.core import Ask, ConsumerCore, Core, Subscription
from palleto.runtime.express import CLEAR, Express, Rest, express


def bystander(
    core: Core,
    stage: Any,
    callbacks: dict[str, Callable[..., Any]],
    listeners: list[Any],
    on_consumed: list[Callable[[Any, int], None]],
) -> Express:
    """The express functions of a stage. `listeners`, `on_consumed`: of the recorder."""
    if type(core) is ConsumerCore:
        handle_events = callbacks["handle_events"]

        def handle(events: Sequence[Any]) -> Any:
            result = handle_events(events)
            if result is None:
                for hear in on_consumed:
                    hear(stage, len(events))
            return result

        callbacks = callbacks | {"handle_events": handle}
    asked, came = express(core, stage, callbacks)

    def asked_unheard(message: Ask) -> Rest | None:
        return CLEAR if listeners else asked(message)

    def came_unheard(subscription: Subscription, events: Sequence[Any], ids: None) -> Rest | None:
        return CLEAR if listeners else came(subscription, events, ids)

    return Express(asked_unheard, came_unheard)
