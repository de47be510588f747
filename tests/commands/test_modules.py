"""The `python -m` forms: each has help, and says in one line what it cannot use. And what a bare Python is told."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from ran import ROOT, one_error
from ran import Ran as Done

from palleto.program import STEPS

MODULES = {
    "steps": "steps.__main__",
    "palleto.cloud": "palleto.cloud.__main__",
    "palleto.cloud.localstack": "palleto.cloud.localstack",
    "palleto.lab.notebook": "palleto.lab.notebook",
    "palleto.lab.player": "palleto.lab.player.__main__",
    "palleto.lab.portrait": "palleto.lab.portrait",
    "palleto.lab.publish": "palleto.lab.publish.__main__",
}


@pytest.mark.parametrize("name", MODULES)
def test_help_is_on_standard_output_and_status_0(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    import_module(MODULES[name]).main(["--help"])
    out, err = capsys.readouterr()
    assert out.startswith(f"Usage: python -m {name} ")
    assert err == ""


@pytest.mark.parametrize("name", MODULES)
def test_an_unknown_option_is_one_line_and_status_2(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        import_module(MODULES[name]).main(["--hlep"])
    ran = Done(int(refused.value.code or 0), *capsys.readouterr())
    one_error(ran, f"python -m {name}: error: expected an option, got: '--hlep'; did you mean --help?", status=2)


def test_a_picture_that_is_none_of_two_kinds(capsys: pytest.CaptureFixture[str]) -> None:
    from palleto.lab.portrait import main

    with pytest.raises(SystemExit):
        main(["picture.gif"])
    assert "expected a FILE that ends in .png or .svg, got: 'picture.gif'" in capsys.readouterr().err


AS = {"a module": ("-m", "steps.step9"), "a file": ("steps/step9.py",)}
as_either = pytest.mark.parametrize("arguments", AS.values(), ids=AS)


def in_bare_python(arguments: tuple[str, ...], code: str, folder: Path) -> Done:
    """What a step says in a Python that has no package, after some code of ours."""
    (folder / "sitecustomize.py").write_text(code)
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    done = subprocess.run(
        [sys.executable, *arguments], env=environment, cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    return Done(done.returncode, done.stdout, done.stderr)


@as_either
def test_a_python_without_what_the_steps_need_is_told_what_mends_it(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ran = in_bare_python(arguments, "import sys; sys.modules['anyio'] = None", tmp_path)
    one_error(ran, "got no anyio", "-m venv .venv && .venv/bin/pip install -q . && ", "-m steps.step9", status=1)


@as_either
def test_a_python_that_is_too_old_is_told_what_mends_it(arguments: tuple[str, ...], tmp_path: Path) -> None:
    ran = in_bare_python(arguments, "import sys; sys.version_info = (3, 6, 15)", tmp_path)
    one_error(ran, "expected Python 3.11 or newer, got Python 3.6", "python3.11 -m venv .venv && ", status=1)


def test_what_an_older_python_reads_first_has_no_newer_syntax() -> None:
    assert ast.parse((ROOT / "steps/__init__.py").read_text(encoding="utf-8"), feature_version=(3, 4)).body
    for name in ("palleto.py", *(f"step{number}.py" for number in STEPS)):
        assert ast.parse((ROOT / "steps" / name).read_text(encoding="utf-8"), feature_version=(3, 8)).body


@pytest.mark.parametrize("number", STEPS)
def test_a_step_imports_palleto_first_as_that_says_what_is_lacking(number: int) -> None:
    tree = ast.parse((ROOT / "steps" / f"step{number}.py").read_text(encoding="utf-8"))
    imports = [node for node in tree.body if isinstance(node, ast.Import)]
    assert imports[0].names[0].name == "palleto"
