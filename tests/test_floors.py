"""The house of floors: who imports whom. The contracts are in pyproject.toml, and `lint-imports` checks them too."""

from __future__ import annotations

from pathlib import Path

import grimp
import pytest
from importlinter.cli import lint_imports

ROOT = Path(__file__).parents[1]
MENDS = {
    "floors": "move what is needed to a lower floor, or have the upper one hand it in",
    "circles": "put together what only makes sense together, or move what both need into a file of its own",
    "door": "let palleto.cloud do it, and hand out a function that does",
}


@pytest.mark.parametrize("contract", MENDS)
def test_a_contract_of_imports_is_kept(
    contract: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    status = lint_imports(str(ROOT / "pyproject.toml"), limit_to_contracts=(contract,), no_cache=True)
    told = capsys.readouterr().out.partition("Broken contracts")[2]
    assert status == 0, f"{told}\nmend it: {MENDS[contract]}; then `lint-imports --contract {contract}`"


def test_no_module_imports_from_the_face_of_its_own_package() -> None:
    """That would be a circle, too: `__init__` hands out what the modules define. A command (`__main__`) may."""
    graph = grimp.build_graph("palleto", cache_dir=None)
    circles = {
        (module, package)
        for package in graph.modules
        for module in graph.find_modules_that_directly_import(package)
        if module.startswith(f"{package}.") and not module.endswith(".__main__")
    }
    told = "\n".join(f"{module} imports from {package}" for module, package in sorted(circles))
    assert not circles, f"{told}\nmend it: import from the module that defines the name"
