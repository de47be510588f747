"""The user's code that a pipeline is made of, so that a run can tell whether it has been edited since.

A run's code is the pipeline function, or the one that it wraps, and what that names, in turn: functions, classes and
plain values of the same module, a notebook above all. Code is compared by what it does: a cell that is run again as it
was changes nothing, nor does a comment. What a run does to a class of its own, such as to count in it, is no edit: the
class is the same.
"""

from __future__ import annotations

import dis
import inspect
from collections.abc import Callable, Iterator
from functools import lru_cache
from types import CodeType, FunctionType
from typing import Any

Code = dict[str, tuple[Any, Any]]
"""Each name of the module that a pipeline uses: what it stands for, and what can be compared of that."""

_PLAIN = (int, float, str, bytes, bool, tuple, frozenset, type(None))
_OWN = frozenset(
    {"__module__", "__dict__", "__weakref__", "__firstlineno__", "__static_attributes__", "__doc__", "__orig_bases__"}
)


def code_of(pipeline: Callable[..., Any]) -> Code:
    """The code of a pipeline function as it is; its module's names are looked up now."""
    pipeline = inspect.unwrap(pipeline)
    if not isinstance(pipeline, FunctionType):
        return {}
    found: Code = {}
    _collect(pipeline.__name__, pipeline, pipeline.__globals__, found)
    return found


def edited(pipeline: Callable[..., Any], ran: Code) -> list[str]:
    """The names of what has other code now than `ran`, which was the pipeline's; in their order."""
    pipeline = inspect.unwrap(pipeline)
    if not isinstance(pipeline, FunctionType):
        return []
    module = pipeline.__globals__
    now: Code = {}
    named = module.get(pipeline.__name__)
    # A function made by another, for a number say, is not what its module has under its name.
    current = named if isinstance(named, FunctionType) and named.__qualname__ == pipeline.__qualname__ else pipeline
    _collect(pipeline.__name__, current, module, now)
    return [name for name, (thing, shape) in ran.items() if _differs(thing, shape, *now.get(name, (thing, shape)))]


def _differs(thing: Any, shape: Any, now: Any, shape_now: Any) -> bool:
    return thing is not now and shape != shape_now


def _collect(name: str, thing: Any, module: dict[str, Any], found: Code) -> None:
    """Add what `name` stands for, and what its code names, if it is the module's own."""
    if name in found:
        return
    if isinstance(thing, _PLAIN):
        found[name] = thing, thing
        return
    functions = list(_functions(thing, module))
    if not functions and not _is_own_class(thing, module):
        return
    found[name] = thing, _shape(thing, module)
    named = {used for function in functions for used in _names(function.__code__)}
    named |= {base.__name__ for base in getattr(thing, "__bases__", ())}
    for function in functions:
        for value in _captured(function):
            if isinstance(value, FunctionType | type):
                _collect(value.__name__, value, module, found)
    for used in sorted(named):
        if used in module:
            _collect(used, module[used], module, found)


def _is_own_class(thing: Any, module: dict[str, Any]) -> bool:
    return isinstance(thing, type) and thing.__module__ == module.get("__name__")


def _functions(thing: Any, module: dict[str, Any]) -> Iterator[FunctionType]:
    """The functions of the module that something is made of: itself, or a class's methods."""
    if _is_own_class(thing, module):
        for value in vars(thing).values():
            yield from _functions(value, module)
    elif isinstance(thing, staticmethod | classmethod):
        yield from _functions(thing.__func__, module)
    elif isinstance(thing, property):
        yield from _functions(thing.fget, module)
    elif isinstance(thing, FunctionType):
        thing = inspect.unwrap(thing)
        if isinstance(thing, FunctionType) and thing.__globals__ is module:
            yield thing


@lru_cache(maxsize=1000)
def _names(code: CodeType) -> frozenset[str]:
    """The names of its module that code reads; kept, as to look at code takes half as long as a short run of it."""
    names = {str(one.argval) for one in dis.get_instructions(code) if one.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            names |= _names(constant)
    return frozenset(names)


def _captured(function: FunctionType) -> list[Any]:
    """What a function has of the one that it was made in."""
    values = []
    for cell in function.__closure__ or ():
        try:
            values.append(cell.cell_contents)
        except ValueError:  # not set yet
            continue
    return values


def _shape(thing: Any, module: dict[str, Any]) -> Any:
    """What can be compared of a function, a class or a value."""
    if _is_own_class(thing, module):
        bases = tuple(base.__qualname__ for base in thing.__bases__)
        members = {name: _shape(value, module) for name, value in vars(thing).items() if name not in _OWN}
        return bases, members
    if isinstance(thing, staticmethod | classmethod):
        return type(thing).__name__, _shape(thing.__func__, module)
    if isinstance(thing, property):
        return "property", _shape(thing.fget, module)
    if isinstance(thing, FunctionType):
        plain = [value for value in _captured(thing) if isinstance(value, _PLAIN)]
        return _code_shape(thing.__code__), thing.__defaults__, thing.__kwdefaults__, plain
    return thing if isinstance(thing, _PLAIN) else type(thing).__qualname__


def _code_shape(code: CodeType) -> Any:
    """What code does, wherever it stands."""
    constants = tuple(_code_shape(one) if isinstance(one, CodeType) else (type(one), one) for one in code.co_consts)
    return code.co_code, constants, code.co_names, code.co_varnames
