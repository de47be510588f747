"""The notebooks: each is executed top to bottom, once, and looked at. The same set runs against LocalStack.

    python -m pytest tests/lab/test_notebooks.py -n 2     # against the embedded place
    python -m pytest -m localstack -n 2                # against LocalStack, if it answers

A cell is added before "Change this number" that solves the questions: what stands before it is the unsolved notebook,
whose checks raise nothing, and what stands after it is the rest. Another at the end looks for what is left.
"""

from __future__ import annotations

import inspect
import json
import re
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

import palleto
from palleto.lab import notebook as files
from palleto.lab.challenges.goal import MARK as GOAL
from palleto.lab.exercises import defined_in
from palleto.lab.questions.definition import MARK as QUESTION
from palleto.lab.sentence import NOT_SHOWN
from palleto.program import lesson

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "notebooks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.ipynb"))
STEPS = [name for name in NAMES if name.startswith("step")]
LABS = [name for name in NAMES if name.startswith("lab")]
LAB_HEADINGS = ("Predict", "Run", "What happened", "Change this", "Solve it", "In three sentences")
"""How the headings of a lab begin, in this order, with others among them."""
HEADINGS = (
    *("What changes", "The code", "Predict", "Run", "What happened"),
    *("Change this number", "Break it", "Solve it", "In three sentences"),
)
TOLD = ("Run", "What happened", "Change this number", "Break it", "Where demand does not help", "The greedy consumer")
"""The parts that speak of runs. Their numbers are made by the runs, with `tell`."""
CONSTANTS = {
    *("ten events", "ten messages", "five seconds", "two consumers", "three consumers", "three pipelines"),
    *("half a", "fifty files"),
    *("two stages", "two lines", "two files", "three restarts", "fifty seeds"),
}
"""Numbers of the code, not of a run: these may be written, with the word that follows them."""
GUIDE = (
    *("A source of your own", "Demand, in numbers", "Three dispatchers", "Buffers", "Batches", "Crashes"),
    *("At least once", "Shut-down", "Testing", "Observing", "When not to use any of this", "Names"),
)
"""The sections of the guide, "Your own pipeline"."""
GUIDE_CONSTANTS = {
    *("half a", "half of", "two numbers", "two orders", "two parts", "two seconds", "two things"),
    *("three", "three countries", "three dispatchers", "three in", "three clerks", "three times"),
    *("four packers", "four things", "five seconds", "hundred orders", "ten messages", "twelve orders"),
    *("1000 and", "10,000 by"),
}
"""The numbers of its code and of its settings' defaults, with the word that follows them."""
NUMBER = re.compile(
    r"\b(\d[\d.,]*|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\w+teen|twenty|thirty|forty|fifty|sixty"
    r"|seventy|eighty|ninety|hundred|thousand|twice|thrice|half|double)\b[ -]?(\w*)",
    re.IGNORECASE,
)
HASTE = "from palleto.lab.challenges import trial\ntrial.PATIENCE = 0\ndel trial"
"""Runs before all else: a challenge that is not reached is given up after its first seed, not after a second."""
SOLVE = "from palleto.lab import solve\nleft = solve()\nassert left == [], left"
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
    assert [number for path in files.notebooks() if (number := files.number_of(path))] == [*range(1, 10)]


def test_they_show_the_steps_as_they_are_and_have_no_outputs():
    drifted = [path.name for path in files.drifted()]
    assert drifted == [], "not as the step files are, or with outputs; mend it: python -m palleto.lab.notebook sync"


@pytest.mark.parametrize("name", NAMES)
def test_its_links_lead_somewhere(name: str):
    links = re.findall(r"\]\(([^)\s]+)\)", prose(name)) + re.findall(r'(?:href|src)="([^"]+)"', prose(name))
    links += re.findall(r"\]\((glossary[^)\s]+)\)", code(name))
    for link in links:
        if not link.startswith(("http://", "https://")):
            file, _, anchor = link.partition("#")
            assert (FOLDER / file).exists(), f"{name}.ipynb links to {link}, which is not there"
            headings = re.findall(r"^#+ (.+)$", prose(Path(file).stem), re.MULTILINE) if anchor else []
            assert anchor in ["", *(heading.lower().replace(" ", "-") for heading in headings)], link
    assert name != "index" or {f"{one}.ipynb" for one in (*STEPS, *LABS)} <= set(links)


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
    assert len(re.findall(r"\bask\(", code(name))) >= 3
    assert code(name).count("open_questions()") == 1
    challenges = {*re.findall(r"^challenge\(([^)]+)\)$", code(name), re.MULTILINE)}
    assert challenges
    assert challenges == {*re.findall(r"\bchallenge\(([^)]+)\)\.check\(\w+\)$", code(name), re.MULTILINE)}
    assert len(re.findall(r"\bvary\(", code(name))) >= 2
    (summary,) = re.findall(r"## In three sentences\n+(.+?)\n\n", text + "\n\n", re.DOTALL)
    assert len(re.findall(r"[.?](?=\s|$)", re.sub(r"`[^`]*`", "code", summary))) == 3, summary
    for other in (number - 1, number + 1):
        if 1 <= other <= len(STEPS):
            assert f"({STEPS[other - 1]}.ipynb)" in text
    assert "(index.ipynb)" in text
    assert f"(../steps/step{number}.py)" in text


@pytest.mark.parametrize("name", LABS)
def test_the_parts_of_a_lab(name: str):
    text = re.sub(r"```.*?```", "", prose(name), flags=re.DOTALL)
    (title,) = re.findall(r"^# (.+)$", text, re.MULTILINE)
    assert title.startswith(f"Lab {name[3]}: ")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [head for head in headings if head.startswith(LAB_HEADINGS)] == [
        next(head for head in headings if head.startswith(begin)) for begin in LAB_HEADINGS
    ]
    (minutes,) = re.findall(r"About (\d+) minutes", text)
    assert int(minutes) <= 30
    assert len(re.findall(r"\bask\(", code(name))) >= 3
    challenges = {*re.findall(r"^challenge\(([^)]+)\)$", code(name), re.MULTILINE)}
    assert challenges
    assert challenges == {*re.findall(r"\bchallenge\(([^)]+)\)\.check\(\w+\)$", code(name), re.MULTILINE)}
    (summary,) = re.findall(r"## In three sentences\n+(.+?)\n\n", text + "\n\n", re.DOTALL)
    assert len(re.findall(r"[.?](?=\s|$)", re.sub(r"`[^`]*`", "code", summary))) == 3, summary
    assert "(index.ipynb)" in text


@pytest.mark.parametrize("name", LABS)
def test_a_lab_shows_the_sections_of_its_modules(name: str):
    cells = ["".join(cell["source"]) for cell in content(name)["cells"] if cell["cell_type"] == "code"]
    assert {*files.sections_of(FOLDER / f"{name}.ipynb")} == {files.section_of(cell) for cell in cells} - {None}


@pytest.mark.parametrize("name", STEPS + LABS)
def test_no_number_of_a_run_is_typed_into_its_text(name: str):
    known = (
        r"```.*?```|`[^`]*`|\[[^\]]*\]\([^)]*\)|\b[Ss]teps? \d( and \d)?|\bdone twice\b"  # the last is a verdict's word
    )
    text = re.sub(known, "", prose(name), flags=re.DOTALL)
    for part in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = part.partition("\n")
        if heading in TOLD or (name in LABS and heading.startswith(("The bench", "All of them", "Change this"))):
            typed = [found[0] for found in NUMBER.finditer(body) if found[0].lower() not in CONSTANTS]
            assert typed == [], f"under {heading}: let the run say it, in a code cell: tell(...)"


def test_the_guide_has_a_section_for_each_thing_with_something_to_run():
    headings, runs = [], []
    for cell in content("guide")["cells"]:
        headings += re.findall(r"^## (.+)$", "".join(cell["source"]), re.MULTILINE)
        if cell["cell_type"] == "code" and headings:
            runs.append(headings[-1])
    assert tuple(headings) == GUIDE
    assert tuple(dict.fromkeys(runs)) == GUIDE[:-1]


def test_no_number_of_a_run_is_typed_into_the_guide():
    text = re.sub(
        r"```.*?```|`[^`]*`|\[[^\]]*\]\([^)]*\)|\b[Ss]tep \d|About \d+ minutes", "", prose("guide"), flags=re.DOTALL
    )
    typed = [found[0] for found in NUMBER.finditer(text) if found[0].lower().strip() not in GUIDE_CONSTANTS]
    assert typed == [], "let the run say it, in a code cell: tell(...)"


def test_the_guides_table_names_what_is_there():
    things = [palleto, *(thing for name in palleto.__all__ if inspect.isclass(thing := getattr(palleto, name)))]
    known = {name for thing in things for name in dir(thing)} | set(dir(palleto.Stage))
    for thing in things:
        for _, function in inspect.getmembers(thing, callable):
            with suppress(ValueError, TypeError):
                known |= set(inspect.signature(function).parameters)
    table = re.findall(r"^\| (.+) \| (.+) \|$", prose("guide").partition("## Names")[2], re.MULTILINE)[1:]
    spans = [span for _, here in table for span in re.findall(r"`([^`]+)`", here)]
    modules = [span for span in spans if span.startswith("palleto.")]
    named = {word for span in spans for word in re.findall(r"[A-Za-z_]\w+", re.sub(r'"\w+"', "", span))}
    named -= {part for module in modules for part in module.split(".")}
    assert all(map(find_spec, modules))
    assert len(table) > 20
    assert named - known - {"True"} == set()


@pytest.mark.parametrize("name", STEPS)
def test_it_shows_the_changed_sections_and_the_pipeline(name: str):
    number = STEPS.index(name) + 1
    shown = {
        files.section_of("".join(cell["source"])) for cell in content(name)["cells"] if cell["cell_type"] == "code"
    }
    step = lesson.read(number)
    wanted = {section.name for section in step.sections} & {*step.names_changed, "Pipeline"}
    assert wanted - {"Run"} <= shown


@pytest.mark.parametrize("name", STEPS + LABS)
def test_its_questions_and_challenges_stand_beside_it_with_their_answers(name: str):
    lesson, everything = name.partition("_")[0], json.dumps(content(name), ensure_ascii=False)
    for kind, mark, call in (("questions", QUESTION, "ask"), ("challenges", GOAL, "challenge")):
        known = defined_in(FOLDER / kind / f"{lesson}.py", mark)
        assert {*re.findall(rf'\b{call}\("{lesson}\.(\w+)"', code(name))} == {*known}
        for one in known.values():
            help_ = [*one.help, one.why] if kind == "questions" else [one.hint, one.why]
            assert [text for text in help_ if text and text in everything] == []


# ---- executed


@dataclass
class Executed:
    """A notebook that ran, and what its kernel's process wrote."""

    notebook: Any

    @property
    def outputs(self) -> list[Any]:
        return [output for cell in self.notebook.cells for output in cell.get("outputs", [])]

    def data(self, kind: str) -> list[Any]:
        return [output.data[kind] for output in self.outputs if kind in output.get("data", {})]

    @property
    def text(self) -> str:
        streams = [output.text for output in self.outputs if output.output_type == "stream"]
        return "\n".join([*streams, *self.data("text/plain")])


def executed(name: str, folder: Path, place: str) -> Executed:
    """Execute a notebook with its questions solved, in folders that are empty again afterwards."""
    nbformat = pytest.importorskip("nbformat", reason="the notebooks extra is not installed")
    from palleto.lab.publish import execute

    notebook = nbformat.read(FOLDER / f"{name}.ipynb", as_version=4)
    if name in (*STEPS, *LABS):
        at = [cell.source.startswith("## Change this") for cell in notebook.cells].index(True)
        notebook.cells.insert(at, nbformat.v4.new_code_cell(SOLVE, id="solve"))
    notebook.cells.insert(0, nbformat.v4.new_code_cell(HASTE, id="haste"))
    notebook.cells.append(nbformat.v4.new_code_cell(LEFT, id="left"))
    temporary = folder / "tmp"
    temporary.mkdir()
    from matplotlib import font_manager, get_cachedir

    assert font_manager.fontManager.ttflist  # its cache is made here, once, not with a word on each kernel's stderr
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
    return Executed(notebook)


def look_at(name: str, done: Executed) -> None:
    """What must be in its outputs, and what must not."""
    errors = [output for output in done.outputs if output.output_type == "error"]
    assert errors == []
    warned = [output.text for output in done.outputs if output.output_type == "stream" and output.name == "stderr"]
    assert warned == []
    assert NOT_SHOWN not in done.text
    assert "older code" not in done.text, "nobody has edited anything"
    if name == "guide":
        assert len([figure for figure in done.data("text/html") if figure.startswith("<svg")]) >= 4
        assert len([one for one in done.data("text/plain") if one.startswith("<Player ")]) == 3
        assert "forgotten demand" in done.text
        assert len(re.findall(r"^passed: test_", done.text, re.MULTILINE)) == 2
    checked = [text for text in done.data("text/plain") if text.startswith(("✓ passed", "✗ not yet"))]
    assert len(checked) == code(name).count(").check(")
    assert all(text.startswith("✗ not yet") for text in checked), "its code with the gap reaches the goal"
    if name in LABS:
        look_at_a_lab(name, done)
    if name not in STEPS:
        return
    drawn = [figure for figure in done.data("text/html") if figure.startswith("<svg")]
    assert len(drawn) >= 2
    ids = [name for figure in drawn for name in re.findall(r' id="([^"]+)"', figure)]
    assert len(ids) == len(set(ids))
    saved = done.notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    values = [str(model["state"].get("value", "")) for model in saved.values()]
    panels = [value for value in values if value.startswith("<svg")]
    titles = {title for value in panels for title in re.findall(r"<title>(.+?)</title>", value)}
    number = STEPS.index(name) + 1
    assert titles >= {"Demand", "Throughput"} | ({"Queue"} if number >= 6 else set()), titles
    assert any(re.search(r"<b>\W*ended</b>", value) for value in values), "the dashboard's last frame is not saved"
    assert not any("the dashboard stands still" in value for value in values)
    assert len([value for value in values if "✓ right" in value]) >= 3
    at = [cell.source.startswith("## What happened") for cell in done.notebook.cells].index(True)
    first = next(output for cell in done.notebook.cells[at:] for output in cell.get("outputs", []))
    opened = re.fullmatch(r"<Player (\d+) trace events, [\d.]+ s, at (\d+)>", first.data["text/plain"])
    assert opened, first
    assert 0 < int(opened[2]) < int(opened[1])
    if number > 1:
        (beside,) = [text for text in done.data("text/html") if 'class="palleto-difference beside"' in text]
        assert re.search(f"In step {number} .*; in step {number - 1} ", beside)
    assert re.search(r"^\d+ questions are open: ", done.text, re.MULTILINE)
    if number == 6:
        assert re.search(r"^\d+ of 50 schedules stall; the shortest is that of seed", done.text, re.MULTILINE)
        assert "25.000 s: lost demand" in done.text
        assert "None of 50 schedules stall." in done.text


def look_at_a_lab(name: str, done: Executed) -> None:
    """Its figures, and its questions, which are solved."""
    drawn = [figure for figure in done.data("text/html") if figure.startswith("<svg")]
    assert len(drawn) >= len(re.findall(r"^(?:figures\.|overload_over_time\()", code(name), re.MULTILINE))
    saved = done.notebook.metadata.widgets["application/vnd.jupyter.widget-state+json"]["state"]
    values = [str(model["state"].get("value", "")) for model in saved.values()]
    assert len([value for value in values if "✓ right" in value]) == len(re.findall(r"\bask\(", code(name)))


@pytest.mark.notebooks
@pytest.mark.timeout(300)  # a cell has 120 s; what hangs is named by nbclient, with its cell
@pytest.mark.parametrize("name", NAMES)
def test_it_runs(name: str, tmp_path: Path):
    done = executed(name, tmp_path, "embedded")
    look_at(name, done)
    if name in STEPS[5:]:
        assert "embedded" in done.text
    if name.startswith("lab1"):
        assert re.search(r"^TestEvent +done once +stuck +done once +stuck$", done.text, re.MULTILINE)


@pytest.mark.long
@pytest.mark.notebooks
@pytest.mark.localstack
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", STEPS[5:])
def test_it_runs_on_localstack(name: str, tmp_path: Path, localstack: str):
    done = executed(name, tmp_path, "localstack")
    look_at(name, done)
    assert f"LocalStack at {localstack}" in " ".join(done.text.split())  # the dashboard's words are broken into lines
