"""What is public is told: docstrings, `__all__`, and what an import loads."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import typing
from contextlib import suppress

import pytest

import palleto

HEAVY = ("boto3", "botocore", "moto", "obstore", "matplotlib", "ipywidgets", "tqdm", "rich", "IPython")


def modules():
    """Every module of palleto that can be imported here (palleto.lab needs the `notebooks` extra)."""
    names = ["palleto", *(info.name for info in pkgutil.walk_packages(palleto.__path__, "palleto.", lambda name: None))]
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]


def public(module):
    """The classes and functions that a module defines under a name without an underscore."""
    for name, thing in vars(module).items():
        of_its_own = getattr(thing, "__module__", None) == module.__name__
        if not name.startswith("_") and of_its_own and (inspect.isclass(thing) or inspect.isfunction(thing)):
            yield name, thing


def members(cls):
    """What a class itself adds: an overriding method is told by the one it overrides, and an operation by boto3."""
    if cls.__module__.startswith("palleto.cloud.places.simulated") and cls.__name__.startswith("Simulated"):
        return
    if getattr(cls, "_is_protocol", False):  # its docstring tells its parts
        return
    for name, thing in vars(cls).items():
        inherited = any(hasattr(base, name) for base in cls.__mro__[1:])
        if isinstance(thing, staticmethod | classmethod):
            thing = thing.__func__
        if not name.startswith("_") and not inherited and (inspect.isfunction(thing) or isinstance(thing, property)):
            yield name, thing


def untold(name):
    """The public names of a module that have no docstring."""
    module = importlib.import_module(name)
    if not module.__doc__:
        yield name
    for public_name, thing in public(module):
        text = thing.__doc__ or ""
        if not text.strip() or (inspect.isclass(thing) and text.startswith(f"{public_name}(")):  # a dataclass's own
            yield f"{name}.{public_name}"
        if inspect.isclass(thing):
            for member, it in members(thing):
                if not (it.__doc__ or "").strip():
                    yield f"{name}.{public_name}.{member}"


def test_every_public_name_has_a_docstring():
    missing = []
    for name in modules():
        with suppress(ModuleNotFoundError):  # an extra that is not installed
            missing += untold(name)
    assert missing == [], "public names without a docstring; write one, or begin the name with _"


def packages():
    """Palleto and the packages of it, without those inside of them."""
    return ["palleto", *(info.name for info in pkgutil.iter_modules(palleto.__path__, "palleto.") if info.ispkg)]


@pytest.mark.parametrize("name", packages())
def test_a_package_hands_out_what_it_names(name):
    """Each name of `__all__` can be had, and its `__init__` imports no other."""
    package = importlib.import_module(name)
    handed_out = getattr(package, "__all__", [])
    assert [one for one in handed_out if getattr(package, one, None) is None] == []
    body = ast.parse(inspect.getsource(package)).body
    imported = {
        alias.asname or alias.name
        for node in body
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("palleto")
        for alias in node.names
    }
    assert imported - set(handed_out) == set(), f"add them to {name}.__all__"


def test_all_has_the_public_exceptions_and_types_of_the_runtime():
    from palleto import errors

    assert {name for name, thing in public(errors) if isinstance(thing, type)} <= set(palleto.__all__)


@pytest.mark.parametrize("name", ["Stage", "Supervisor", "System", "Recorder", "TraceEvent", "child", "running", "run"])
def test_type_hints_can_be_resolved(name):
    thing = getattr(palleto, name)
    target = thing.__init__ if inspect.isclass(thing) else inspect.unwrap(thing)
    module = importlib.import_module(thing.__module__)
    names = {"Stage": palleto.Stage, "Process": palleto.Process, "Recorder": palleto.Recorder}
    assert typing.get_type_hints(target, vars(module) | names) is not None


def test_import_loads_nothing_heavy():
    code = f"import sys, palleto; print([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
    assert done.stderr == ""
