"""The player's Python: what it accepts, the page it makes, its command, and that no text of a trace gets out."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import palleto.lab
from palleto import Recorder, SettingError, TraceEvent
from palleto.lab.player import Player
from palleto.lab.player.__main__ import main
from palleto.lab.player.bundle import bundle
from palleto.lab.player.page import FOLDER
from palleto.lab.player.payload import columns
from palleto.program import Options, perform
from steps import step5

NASTY = '</script><!-- <b>&amp; "quoted" \u2028 日本 {trace} {script} \ud800'


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    path = tmp_path_factory.mktemp("player") / "t.jsonl"
    perform(step5.pipeline, None, Options(virtual=True, seed=7, events=8, trace=path, quiet=True))
    return path


def event(seq=0, **more):
    return TraceEvent(**{"seq": seq, "t": 0.5 * seq, "stage": "a", "kind": "said", **more})


def unpacked(page):
    text = re.search(r'<script type="text/plain" id="trace">([\w+/=]*)</script>', page)[1]
    return json.loads(gzip.decompress(base64.b64decode(text)))


# ---- the payload


def test_the_columns_hold_every_field_of_every_event(trace):
    events = palleto.load(trace)
    found = columns(events)

    def text(table, number):
        return None if number < 0 else table[number]

    for index, each in enumerate(events):
        column = {name: values[index] for name, values in found["columns"].items()}
        assert column["t"] == each.t
        assert text(found["names"], column["stage"]) == each.stage
        assert text(found["names"], column["peer"]) == each.peer
        assert text(found["kinds"], column["kind"]) == each.kind
        assert text(found["files"], column["file"]) == each.file
        assert column["line"] == (each.line or 0)
        assert [found["ids"][number] for number in column["ids"] or ()] == list(each.ids)
        assert column["ledger"] == (each.ledger and each.ledger["after"])
        assert (column["data"] or {}) == each.data
    assert found["count"] == len(events)
    assert found["seq"] is None


def test_events_keep_their_numbers_where_some_are_missing():
    assert columns([event(4), event(9)])["seq"] == [4, 9]


def test_what_json_does_not_know_is_written_as_json_all_the_same():
    """A file is read by Python's `json`, which lets NaN pass; a browser does not."""
    found = unpacked(Player([event(data={"a": float("nan"), "b": [float("inf")], "c": Path("x")})]).html())
    assert found["columns"]["data"] == [{"a": None, "b": [None], "c": "x"}]


# ---- the page


def test_the_page_holds_the_trace_and_the_steps_source_and_loads_nothing(trace):
    page = Player(trace).html()
    assert unpacked(page)["sources"]["step5.py"] == Path(step5.__file__).read_text(encoding="utf-8")
    assert "<title>Step 5: three consumers</title>" in page
    assert not re.search(r'\b(?:src|href)="(?!data:)', page)
    assert "import " not in re.sub(r"//.*|\"[^\"]*\"|`[^`]*`", "", page.rpartition("<script>")[2])


def test_no_text_of_a_trace_ends_the_script():
    shown = Player([event(stage=NASTY, ids=(NASTY,), file=NASTY, line=3, peer=NASTY, data={"text": NASTY, NASTY: 1})])
    page = shown.html()
    assert page.count("</script>") == 2
    found = unpacked(page)
    assert found["names"] == [NASTY.replace("\ud800", "?")]
    assert found["sources"] == {NASTY.replace("\ud800", "?"): None}


def test_a_title_is_text():
    page = Player([event()])
    page.title = "</title>{script}<b>"
    assert "<title>&lt;/title&gt;{script}&lt;b&gt;</title>" in page.html()


@pytest.mark.parametrize("events", [[], [event()]], ids=["none", "one"])
def test_short_traces(events):
    assert unpacked(Player(events).html())["count"] == len(events)


def test_a_notebook_shows_the_page_in_a_frame(trace):
    shown = palleto.lab.player(trace, at=3)
    bundled = shown._repr_mimebundle_()
    frame = re.fullmatch(r"<iframe [^>]*srcdoc=\"([^\"]*)\"></iframe>", bundled["text/html"])
    assert html.unescape(frame[1]) == shown.html()
    assert bundled["text/plain"] == repr(shown)
    assert re.fullmatch(r"<Player \d+ trace events, [\d.]+ s, at 3>", repr(shown))


# ---- what it accepts


def test_a_recorder_a_list_and_a_path_are_the_same_trace(trace):
    recorder = Recorder()
    recorder.events.extend(palleto.load(trace))
    pages = {Player(each).html() for each in (recorder, recorder.events, trace, trace, str(trace))}
    assert len(pages) == 1


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        *(({"trace": what}, "a run") for what in (None, 7, [1, 2], object())),
        *(({"at": at}, "`at` to be a trace event") for at in (-1, "3", 2.5, True, object())),
        *(({"height": height}, "height to be a number of pixels above 0") for height in (0, -5, "500", True, 2.5)),
    ],
)
def test_what_it_refuses(arguments, expected):
    with pytest.raises(SettingError, match=f"^expected {expected}"):
        Player(**{"trace": [event()], **arguments})


def test_where_it_opens(trace):
    events = palleto.load(trace)
    answer = palleto.replay.evidence.Answer(1, events[5])
    assert [Player(events, at).at for at in (None, 0, 5, events[5], answer)] == [None, 0, 5, 5, 5]
    assert '<body data-at="5">' in Player(events, 5).html()


# ---- the command


def run(*arguments):
    return subprocess.run([sys.executable, "-m", "palleto.lab.player", *arguments], capture_output=True, text=True)


def test_the_command_writes_the_page(trace, tmp_path):
    target = tmp_path / "t.html"
    done = run(str(trace), "--html", str(target))
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(rf"{re.escape(str(target))}: \d+ events, \d+ kB\n", done.stdout)
    assert target.read_text(encoding="utf-8") == Player(trace).html()


def test_what_cannot_be_read_or_written_is_one_line(trace, tmp_path, capsys):
    (tmp_path / "newer.jsonl").write_text('{"palleto_trace": 99}\n')
    target = str(tmp_path / "t.html")
    for arguments in (
        [str(tmp_path / "newer.jsonl"), "--html", target],
        [str(tmp_path / "none.jsonl"), "--html", target],
        [str(trace), "--html", str(tmp_path / "no" / "t.html")],
        [str(trace), "--html", target, "--at", "-4"],
    ):
        assert main(arguments) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(",")[0] for line in lines] == [
        "error: expected a trace of version 1",
        "error: expected a trace file",
        "error: expected a file that can be written",
        "error: expected `at` to be a trace event",
    ]
    assert not Path(target).exists()


def test_without_a_file_to_write_it_says_how_it_is_used(trace, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([str(trace)])
    assert exit_.value.code == 2
    assert "usage: python -m palleto.lab.player" in capsys.readouterr().err


# ---- the bundle


def test_every_module_is_in_the_bundle_once_and_after_what_it_imports():
    script = bundle(FOLDER, "main")
    order = re.findall(r"^const module_(\w+) = ", script, re.MULTILINE)
    assert sorted(order) == sorted(path.stem for path in FOLDER.glob("*.js"))
    for name in order:
        text = (FOLDER / f"{name}.js").read_text(encoding="utf-8")
        assert text.startswith("// "), "a module begins with what it is"
        wanted = re.findall(r'from "\./(\w+)\.js"', text)
        assert all(order.index(each) < order.index(name) for each in wanted)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"a": 'import x from "./b.js";'}, "in the form that bundle.py tells"),
        ({"a": "export default 3;"}, "in the form that bundle.py tells"),
        (
            {"a": 'import { b } from "./b.js";', "b": 'import { a } from "./a.js";'},
            "a circle, got: a -> b -> a",
        ),
    ],
    ids=["default import", "default export", "circle"],
)
def test_what_the_bundle_does_not_understand_is_an_error(texts, message, tmp_path):
    for name, text in texts.items():
        (tmp_path / f"{name}.js").write_text(text)
    with pytest.raises(ValueError, match=message):
        bundle(tmp_path, "a")
