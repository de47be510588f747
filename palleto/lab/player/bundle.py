"""The player's ES modules as one script, so that its page needs no server, no import map and no network.

Each module becomes a function that returns what it exports; an import becomes a reference to what that returned.
Only two forms are understood, each on a line of its own, and anything else is an error:

    import { name, other } from "./module.js"; | ... from "../folder/module.js";
    export function name() ... | export class Name ... | export const NAME = ...
"""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r'^import \{([\w, ]+)\} from "(\./|\.\./\w+/)(\w+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export ((?:async )?function|class|const) (\w+)", re.MULTILINE)
_OTHER = re.compile(r"^(?:import|export)\b.*$", re.MULTILINE)


def bundle(folder: Path, entry: str) -> str:
    """One script of the module `entry` and all that it imports, each before who imports it.

    No two have the same name. Raises ValueError for an import or export that is not understood, or modules that import
    each other.
    """
    done: dict[str, str] = {}
    _add(folder, entry, done, ())
    return "\n".join(done.values())


def _add(folder: Path, name: str, done: dict[str, str], above: tuple[str, ...]) -> None:
    if name in above:
        raise ValueError(f"expected modules without a circle, got: {' -> '.join((*above, name))}")
    if name in done:
        return
    text = (folder / f"{name}.js").read_text(encoding="utf-8")
    for match in _IMPORT.finditer(text):
        _add(folder / match[2], match[3], done, (*above, name))
    exported = [match[2] for match in _EXPORT.finditer(text)]
    text = _IMPORT.sub(lambda match: f"const {{{match[1]}}} = module_{match[3]};", text)
    text = _EXPORT.sub(r"\1 \2", text)
    if other := _OTHER.search(text):
        raise ValueError(
            f"expected imports and exports in the form that bundle.py tells, got: {other[0]!r} in {name}.js"
        )
    done[name] = f"const module_{name} = (() => {{\n{text}\nreturn {{ {', '.join(exported)} }};\n}})();"
