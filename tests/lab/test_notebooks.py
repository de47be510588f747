"""The notebooks: each is executed top to bottom, once, and looked at. The same set runs against LocalStack.

    python -m pytest tests/lab/test_notebooks.py -n 2     # against the embedded place
    python -m pytest -m localstack -n 2                # against LocalStack, if it answers

A cell is added before "Change this number" that solves the questions: what stands before it is the unsolved notebook,
whose checks raise nothing, and what stands after it is the rest. Another at the end looks for what is left.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from palleto.lab import notebook as files
from palleto.program import lesson

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))  # the index, and one a step
STEPS = NAMES[1:]
HEADINGS = (
    *("What changes", "The code", "Predict", "Run", "What happened"),
    *("Change this number", "Break it", "In three sentences"),
)
LESSONS = {
    2: "loops send the events later",
    3: "only the Producer knows what its messages look like",
    4: "a loop looks again and again",
    5: "three consumers share the events",
    6: "events come from a queue",
    7: "the message does not come back",
    8: "files are downloaded",
    9: "three consumers share the events",
}
"""What the most telling difference to the step before says, in the notebook of each step."""
SLOWEST = 40.0
"""Seconds that a notebook may take; all ten together take less than 240 on one core, 120 on two."""

SOLVE = "from palleto.lab import solve\nassert solve(globals()) == [], solve(globals())"
LEFT = """\
import os as _os, tempfile as _tempfile, threading as _threading, time as _time
_deadline = _time.monotonic() + 5
while True:
    _left = [thread.name for thread in _threading.enumerate() if "palleto" in thread.name]
    _left += [name for name in _os.listdir(_tempfile.gettempdir()) if name.startswith("palleto-")]
    if not _left or _time.monotonic() > _deadline:
        break
    _time.sleep(0.05)
assert not _left, _left
"""


def content(name: str) -> Any:
    return json.loads((FOLDER / f"{name}.ipynb").read_text(encoding="utf-8"))


def prose(name: str) -> str:
    cells = content(name)["cells"]
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def code(name: str) -> str:
    return "\n\n".join("".join(cell["source"]) for cell in content(name)["cells"] if cell["cell_type"] == "code")


# ---- the files


def test_there_is_one_for_each_step():
    assert [files.number_of(path) for path in files.notebooks()] == [None, *range(1, 10)]


def test_they_show_the_steps_as_they_are_and_have_no_outputs():
    drifted = [path.name for path in files.drifted()]
    assert drifted == [], "not as the step files are, or with outputs; mend it: python -m palleto.lab.notebook sync"


@pytest.mark.parametrize("name", NAMES)
def test_its_links_lead_somewhere(name: str):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(name)) + re.findall(r'(?:href|src)="([^"]+)"', prose(name))
    for link in links:
        if not link.startswith(("http://", "https://")):
            assert (FOLDER / link.partition("#")[0]).exists(), f"{name}.ipynb links to {link}, which is not there"


def test_the_index_links_to_each():
    for name in STEPS:
        assert f"({name}.ipynb)" in prose("index")


@pytest.mark.parametrize("name", STEPS)
def test_its_parts(name: str):
    text, number = re.sub(r"```.*?```", "", prose(name), flags=re.DOTALL), STEPS.index(name) + 1
    (title,) = re.findall(r"^# (.+)$", text, re.MULTILINE)
    assert title.startswith(f"Step {number}: ")
    assert tuple(re.findall(r"^## (.+)$", text, re.MULTILINE)) == HEADINGS
    assert re.search(r"About \d+ minutes", text)
    assert "```text" in prose(name)
    assert ("difference(" in code(name)) is (number > 1)
    assert ("beside=compare(" in code(name)) is (number > 1)
    assert len(re.findall(r"\bquestion\(", code(name))) >= 3
    assert len(re.findall(r"\bvary\(", code(name))) >= 2
    (summary,) = re.findall(r"## In three sentences\n+(.+?)\n\n", text + "\n\n", re.DOTALL)
    assert len(re.findall(r"[.?](?=\s|$)", re.sub(r"`[^`]*`", "code", summary))) == 3, summary
    for other in (number - 1, number + 1):
        if 1 <= other <= len(STEPS):
            assert f"({STEPS[other - 1]}.ipynb)" in text
    assert "(index.ipynb)" in text
    assert f"(../steps/step{number}.py)" in text


@pytest.mark.parametrize("name", STEPS)
def test_it_shows_the_changed_sections_and_the_pipeline(name: str):
    number = STEPS.index(name) + 1
    shown = {
        files.section_of("".join(cell["source"])) for cell in content(name)["cells"] if cell["cell_type"] == "code"
    }
    step = lesson.read(number)
    wanted = {section.name for section in step.sections} & {*step.names_changed, "Pipeline"}
    assert wanted - {"Run"} <= shown


def test_the_picture_of_the_readme_is_small():
    picture = (FOLDER / "dashboard.png").read_bytes()
    assert picture.startswith(b"\x89PNG"), "make it: python -m palleto.lab.portrait notebooks/dashboard.png"
    assert len(picture) < 400_000


# ---- executed


@dataclass
class Executed:
    """A notebook that ran, for how long, and what its kernel's process wrote."""

    notebook: Any
    seconds: float

    @property
    def outputs(self) -> list[Any]:
        return [output for cell in self.notebook.cells for output in cell.get("outputs", [])]

    def data(self, kind: str) -> list[Any]:
        return [output.data[kind] for output in self.outputs if kind in output.get("data", {})]

    def first_after(self, heading: str) -> Any:
        """The data of the first output in the part of that heading."""
        at = [cell.source.startswith(heading) for cell in self.notebook.cells].index(True)
        return next(output.data for cell in self.notebook.cells[at:] for output in cell.get("outputs", []))

    @property
    def text(self) -> str:
        streams = [output.text for output in self.outputs if output.output_type == "stream"]
        return "\n".join([*streams, *self.data("text/plain")])


def executed(name: str, folder: Path, place: str) -> Executed:
    """Execute a notebook with its questions solved, in folders that are empty again afterwards."""
    nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")
    from palleto.lab.publish import execute

    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    if name != "index":
        at = [cell.source.startswith("## Change this number") for cell in notebook.cells].index(True)
        notebook.cells.insert(at, nbformat.v4.new_code_cell(SOLVE, id="solve"))
    notebook.cells.append(nbformat.v4.new_code_cell(LEFT, id="left"))
    temporary = folder / "tmp"
    temporary.mkdir()
    from matplotlib import font_manager, get_cachedir

    assert font_manager.fontManager.ttflist  # its cache is made here, once, not with a word on each kernel's stderr
    started = time.monotonic()
    execute(
        FOLDER / f"{name}.ipynb",
        notebook,
        HOME=str(folder),
        MPLCONFIGDIR=get_cachedir(),
        TMPDIR=str(temporary),
        PALLETO_PLACE=place,
        PYTHONWARNINGS="default",
    )
    assert [path.name for path in temporary.iterdir() if path.name.startswith("palleto-")] == []
    return Executed(notebook, time.monotonic() - started)


def look_at(name: str, done: Executed) -> None:
    """What must be in its outputs, and what must not."""
    errors = [output for output in done.outputs if output.output_type == "error"]
    assert errors == []
    warned = [output.text for output in done.outputs if output.output_type == "stream" and output.name == "stderr"]
    assert warned == []
    assert done.seconds < SLOWEST, f"{name} took {done.seconds:.0f} s"
    if name == "index":
        return
    for figure in done.data("image/png"):
        assert base64.b64decode(figure).startswith(b"\x89PNG")
    assert len(done.data("image/png")) >= 2
    saved = done.notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    values = [str(model["state"].get("value", "")) for model in saved.values()]
    panels = [value for value in values if value.startswith("<svg")]
    titles = {title for value in panels for title in re.findall(r"<title>(.+?)</title>", value)}
    number = STEPS.index(name) + 1
    assert titles >= {"Demand", "Throughput"} | ({"Queue"} if number >= 6 else set()), titles
    assert any(re.search(r"<b>\W*ended</b>", value) for value in values), "the dashboard's last frame is not saved"
    assert not any("the dashboard stands still" in value for value in values)
    assert len([value for value in values if "✓ right" in value]) >= 3
    player = done.first_after("## What happened")
    opened = re.fullmatch(r"<Player (\d+) trace events, [\d.]+ s, at (\d+)>", player["text/plain"])
    assert opened, player["text/plain"]
    assert 0 < int(opened[2]) < int(opened[1])
    assert player["text/html"].startswith('<iframe class="palleto-player"')
    if number > 1:
        (beside,) = [text for text in done.data("text/html") if 'class="palleto-difference beside"' in text]
        headline, _, rest = beside.partition("; in step ")
        assert f"In step {number} " in headline
        assert LESSONS[number] in headline
        assert rest.startswith(f"{number - 1} ")
    if number == 6:
        assert re.search(r"^\d+ of 100 schedules stall; the shortest is that of seed", done.text, re.MULTILINE)
        assert "25.000 s: lost demand" in done.text
        assert "None of 100 schedules stall." in done.text


@pytest.mark.notebooks
@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name: str, tmp_path: Path):
    done = executed(name, tmp_path, "embedded")
    look_at(name, done)
    if name != "index" and STEPS.index(name) + 1 >= 6:
        assert "embedded" in done.text


@pytest.fixture
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One at a time: LocalStack has one queue, and notebooks in two of pytest's workers would empty each other's."""
    fcntl = pytest.importorskip("fcntl", reason="no file locks here; workers could not take turns")
    with (tmp_path_factory.getbasetemp().parent / "localstack.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@pytest.mark.long
@pytest.mark.notebooks
@pytest.mark.localstack
@pytest.mark.usefixtures("alone")
@pytest.mark.parametrize("name", STEPS[5:])
def test_it_runs_on_localstack(name: str, tmp_path: Path, localstack: str):
    done = executed(name, tmp_path, "localstack")
    look_at(name, done)
    assert f"LocalStack at {localstack}" in done.text
