"""The player's Python: what it accepts, the page it makes, its command, and that no text of a trace gets out."""

from __future__ import annotations

import base64
import gzip
import html
import json
import re
import tempfile
import webbrowser
from pathlib import Path

import pytest

import palleto.lab
from palleto import Recorder, SettingError, TraceEvent
from palleto.lab.player import Player
from palleto.lab.player.__main__ import main
from palleto.lab.player.bundle import bundle
from palleto.lab.player.page import FOLDER
from palleto.lab.player.payload import columns
from palleto.program import Options, run_step
from steps import step5

NASTY = '</script><!-- <b>&amp; "quoted" \u2028 日本 {trace} {script} \ud800'


@pytest.fixture(scope="module")
def trace(tmp_path_factory):
    path = tmp_path_factory.mktemp("player") / "t.jsonl"
    run_step(step5.pipeline, None, Options(virtual=True, seed=7, events=8, trace=path, quiet=True))
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


def test_the_command_writes_the_page_and_opens_nothing(trace, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", lambda url: pytest.fail("expected no browser"))
    target = tmp_path / "t.html"
    main([str(trace), "--html", str(target)])
    assert re.fullmatch(rf"{re.escape(str(target))}: \d+ events, \d+ kB\n", capsys.readouterr().out)
    assert target.read_text(encoding="utf-8") == Player(trace).html()


@pytest.mark.parametrize(
    ("trace_file", "options", "expected"),
    [
        ("newer.jsonl", ["--html", "t.html"], "a trace of version 1"),
        ("none.jsonl", ["--html", "t.html"], "a trace file"),
        (None, ["--html", "no/t.html"], "a file that can be written"),
        (None, ["--html", "t.html", "--at", "-4"], "`at` to be a trace event"),
    ],
)
def test_what_cannot_be_read_or_written_is_one_line(
    trace, tmp_path, monkeypatch, capsys, trace_file, options, expected
):
    monkeypatch.chdir(tmp_path)
    Path("newer.jsonl").write_text('{"palleto_trace": 99}\n')
    with pytest.raises(SystemExit) as refused:
        main([trace_file or str(trace), *options])
    assert refused.value.code == 1
    told = capsys.readouterr().err.rstrip("\n")
    assert told.startswith(f"error: expected {expected}")
    assert "\n" not in told
    assert not Path("t.html").exists()


@pytest.mark.parametrize("found", [True, False])
def test_without_a_file_to_write_the_page_is_opened(trace, capsys, monkeypatch, tmp_path, found):
    opened: list[str] = []
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(webbrowser, "open", lambda url: opened.append(url) or found)
    main([str(trace), "--at", "3"])
    (path,) = tmp_path.glob("palleto-*.html")
    assert opened == [path.as_uri()]
    first, *more = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{path}: ")
    assert more == ([] if found else ["no browser was found; open that file in one"])


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


def test_a_module_may_import_from_the_folder_beside_its_own(tmp_path):
    for name, text in {"a/one": "export const x = 3;", "b/two": 'import { x } from "../a/one.js";\nf(x);'}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / f"{name}.js").write_text(text)
    first, second = bundle(tmp_path / "b", "two").split("\nconst module_two")
    assert first.startswith("const module_one = ")
    assert "const { x } = module_one;\nf(x);" in second


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"a": 'import x from "./b.js";'}, "in the form that bundle.py tells"),
        ({"a": "export default 3;"}, "in the form that bundle.py tells"),
        ({"a": 'import { b } from "./b.js";', "b": 'import { a } from "./a.js";'}, "a circle, got: a -> b -> a"),
    ],
    ids=["default import", "default export", "circle"],
)
def test_what_the_bundle_does_not_understand_is_an_error(texts, message, tmp_path):
    for name, text in texts.items():
        (tmp_path / f"{name}.js").write_text(text)
    with pytest.raises(ValueError, match=message):
        bundle(tmp_path, "a")
