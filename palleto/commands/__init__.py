"""The `palleto` command: everything that can be run, by one name.

Read palleto (the list of commands), then lab, explain and verdict, which are only here. The others are defined where
their `python -m` form is: a step's in `palleto.program`, the rest in a `__main__` or a module of that name.
"""

from palleto.commands.palleto import main

__all__ = ["main"]
