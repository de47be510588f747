"""Which errors end a run."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest

from palleto import BadFile, CloudError, clock
from palleto.cloud import Cloud, Faults
from palleto.cloud.clients.errors import ABANDONED
from palleto.cloud.endurance import CODES, FEW, QUEUE_AWAY, Endurance, Kind, advised, exact, of_all, passing
from palleto.program import Options, StepRun, queue_empty, run_step
from palleto.trace import TraceEvent
from steps import step9


@pytest.mark.parametrize("code", ["AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"])
def test_a_queue_that_has_answered_may_be_away_for_a_minute(code: str) -> None:
    endurance = Endurance()
    gone = CloudError("sqs.ReceiveMessage", code, "It does not exist.", 400)
    first = endurance.judge("sqs.ReceiveMessage", {}, gone, 0.0)
    assert first is not None  # it never answered
    assert "run the step again" in str(first)
    assert endurance.judge("sqs.ReceiveMessage", {}, {}, 1.0) is None
    for _ in range(2 * FEW):
        assert endurance.judge("sqs.ReceiveMessage", {}, gone, 2.0) is None
    assert endurance.judge("sqs.ReceiveMessage", {}, CloudError("", "ConnectionClosedError", ""), 30.0) is None
    assert endurance.judge("sqs.ReceiveMessage", {}, gone, 1.9 + QUEUE_AWAY) is None
    assert endurance.judge("sqs.ReceiveMessage", {}, {}, 62.0) is None  # it is back: the minute begins anew
    assert endurance.judge("sqs.ReceiveMessage", {}, gone, 70.0) is None
    last = endurance.judge("sqs.ReceiveMessage", {}, gone, 70.0 + QUEUE_AWAY)
    assert last is not None
    assert "away for 60 s" in str(last)


def test_what_sqs_denies_ends_a_run_and_what_s3_denies_of_one_object_does_not() -> None:
    denied = CloudError("sqs.DeleteMessageBatch", "AccessDenied", "Not for you", 403)
    ending = Endurance().judge("sqs.DeleteMessageBatch", {}, denied, 0.0)
    assert ending is not None
    assert str(ending).endswith(
        "Not for you; give these credentials the permission sqs:DeleteMessage on the queue and run the step again"
    )
    endurance = Endurance()
    assert all(endurance.judge("s3.GetObject", {"Key": "a"}, of_s3("AccessDenied"), 0.0) is None for _ in range(9))


def of_s3(code: str, status: int = 403) -> CloudError:
    return CloudError("s3.GetObject", code, "Because", status)


def test_what_the_first_few_objects_have_they_all_have_unless_one_was_got() -> None:
    endurance = Endurance()
    answers = [endurance.judge("s3.GetObject", {"Key": key}, of_s3("AccessDenied"), 0.0) for key in range(FEW)]
    assert answers[:-1] == [None] * (FEW - 1)
    assert "give these credentials the permission s3:GetObject" in str(answers[-1])
    endurance = Endurance()
    endurance.judge("s3.GetObject", {"Key": "good"}, {}, 0.0)
    assert all(endurance.judge("s3.GetObject", {"Key": n}, of_s3("AccessDenied"), 0.0) is None for n in range(9))


def test_errors_of_different_kinds_and_those_before_a_success_do_not_add_up() -> None:
    endurance = Endurance()
    answers = [of_s3("AccessDenied"), of_s3("KMS.DisabledException"), of_s3("NoSuchBucket", 404)] * (FEW - 1)
    for key, answer in enumerate([*answers, {}, *answers]):
        assert endurance.judge("s3.GetObject", {"Bucket": "b", "Key": f"{key}"}, answer, 0.0) is None
    endurance = Endurance()  # the same key in several buckets is several objects
    buckets = [endurance.judge("s3.GetObject", {"Bucket": n, "Key": "a"}, answers[0], 0.0) for n in range(FEW)]
    assert [said is not None for said in buckets] == [False] * (FEW - 1) + [True]


def test_a_code_of_sqs_that_nobody_knows_ends_the_run_when_it_has_come_a_few_times_in_a_row() -> None:
    endurance, strange = Endurance(), CloudError("sqs.ReceiveMessage", "Strange", "Because", 400)
    said = [strange, strange, {}, strange, strange, strange]
    endings = [endurance.judge("sqs.ReceiveMessage", {}, answer, 0.0) is not None for answer in said]
    assert endings == [False] * 5 + [True]


@pytest.mark.parametrize("code", CODES)
def test_each_code_is_judged_by_its_class(code: str) -> None:
    kind, advice = CODES[code]
    assert bool(advice) == (kind in (Kind.ALL, Kind.SHARED)), "what ends a run says what mends it"
    for written in (code, f"{code}Exception", f"com.amazonaws.sqs#{code}"):
        of_sqs = Endurance().judge("sqs.ReceiveMessage", {}, CloudError("sqs.ReceiveMessage", written, "", 400), 0.0)
        assert (of_sqs is not None) == (kind in (Kind.ALL, Kind.SHARED))
        once = Endurance().judge("s3.GetObject", {"Key": "a"}, of_s3(written, 400), 0.0)
        assert (once is not None) == (kind is Kind.ALL)
        assert passing(of_s3(written, 400)) == passing(of_s3(written, 0)) == (kind is Kind.PASSING)
        assert passing(of_s3(written, 503)) == (kind in (Kind.PASSING, Kind.SHARED)), "a server that is not well"


@pytest.mark.parametrize(
    ("status", "passes"),
    [(0, True), (400, False), (408, True), (409, False), (425, True), (429, True), (499, False), (500, True)],
)
def test_a_code_that_nobody_knows_passes_by_its_status(status: int, passes: bool) -> None:
    assert passing(of_s3("Strange", status)) is passes
    assert not passing(CloudError("sqs.ReceiveMessage", "QueueDoesNotExist", "", 0))


def test_only_an_error_of_the_cloud_can_be_about_everybody() -> None:
    assert of_all(of_s3("ExpiredToken"))
    assert not of_all(of_s3("AccessDenied"))
    assert not of_all(BadFile("not gzip"))


def test_a_server_that_is_gone_is_waited_for_as_long_as_the_patience_lasts() -> None:
    endurance = Endurance(patience=30)
    gone = CloudError("sqs.ReceiveMessage", "EndpointConnectionError", "Could not connect")
    busy = CloudError("s3.GetObject", "SlowDown", "", 429)
    said = [(gone, 0.0), (gone, 29.0), (busy, 29.5), (gone, 31.0), (gone, 60.0), ({}, 60.5), (gone, 70.0), (gone, 99.0)]
    assert [endurance.judge("sqs.ReceiveMessage", {}, answer, now) for answer, now in said] == [None] * len(said)
    ending = endurance.judge("s3.GetObject", {}, CloudError("s3.GetObject", "500", "Internal error", 500), 100.0)
    assert str(ending).endswith(
        "Internal error; no answer for 30 s (--patience); see that the server is there and run the step again"
    )


def test_patience_lasts_for_two_minutes_and_what_is_ours_to_blame_does_not_wear_it_out() -> None:
    gone = CloudError("sqs.ReceiveMessage", "EndpointConnectionError", "Could not connect")
    ours = CloudError("s3.GetObject", ABANDONED, "")
    endurance = Endurance()
    assert [endurance.judge("s3.GetObject", {}, ours, now) for now in (0.0, 200.0)] == [None, None]
    said = [endurance.judge("sqs.ReceiveMessage", {}, gone, now) is not None for now in (300.0, 419.0, 420.0)]
    assert said == [False, False, True]


# ---- in a run, on the simulated place

EXPIRED = "renew the credentials"
ENDINGS = [
    ("s3.GetObject", "ExpiredToken", EXPIRED),
    ("s3.GetObject", "RequestTimeTooSkewed", "set this machine's clock"),
    ("s3.GetObject", "AccessDenied", "permission s3:GetObject"),
    ("s3.GetObject", "KMS.DisabledException", "KMS key"),
    ("s3.GetObject", "NoSuchBucket", "look whether the bucket is there"),
    ("sqs.ReceiveMessage", "KmsAccessDenied", "KMS key"),
    ("sqs.ReceiveMessage", "RequestExpired", "set this machine's clock"),
    ("sqs.ReceiveMessage", "Strange", "look what that is"),
    ("sqs.ReceiveMessage", "AWS.SimpleQueueService.NonExistentQueue", "run the step again"),
    ("sqs.DeleteMessageBatch", "ExpiredTokenException", EXPIRED),
]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize(("operation", "code", "mends"), ENDINGS)
def test_what_concerns_all_ends_the_run_in_seconds_and_is_nobodys_dead_letter(
    operation: str, code: str, mends: str, backend: str, tmp_path: Path
) -> None:
    options = Options(virtual=True, files=5, quiet=True, backend=backend, output=tmp_path / "output")
    run = StepRun(step9.pipeline, queue_empty, options, faults=Faults().fail(operation, code, rate=1))
    said: list[str] = []
    run.report = said.append
    with pytest.raises(CloudError, match=f"{operation} failed with {code}: .*{mends}"):
        clock.run(run, backend=backend, time="virtual")
    assert run.summary.seconds < 30
    if CODES.get(exact(code), (Kind.SHARED, ""))[0] is Kind.ALL:
        assert [line for line in said if code in line] == [], "its own line says it"
    assert run.cloud.simulated.ledger(run.warehouse.queue_url).dead_lettered == 0


def gone_after_a_result(faults: Faults, event: TraceEvent) -> None:
    if event.kind == "written" and not faults.faults:
        faults.fail("*", "ConnectionClosedError", rate=1)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_server_that_never_comes_back_ends_the_run(backend: str, tmp_path: Path) -> None:
    faults = Faults()
    options = Options(virtual=True, files=40, quiet=True, backend=backend, output=tmp_path / "output", patience=20)
    run = StepRun(step9.pipeline, queue_empty, options, faults=faults)
    run.recorder.listeners.append(partial(gone_after_a_result, faults))
    with pytest.raises(CloudError, match=r"no answer for \d+ s \(--patience\); see that the server is there"):
        clock.run(run, backend=backend, time="virtual")
    assert 20 <= run.summary.seconds < 80


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_finished_messages_that_cannot_be_deleted_are_told_and_fail_the_run(backend: str, tmp_path: Path) -> None:
    """The server is gone when the end comes, as with SIGTERM."""
    faults = Faults()
    options = Options(virtual=True, files=9, quiet=True, backend=backend, output=tmp_path / "output", seconds=20)
    run = StepRun(step9.pipeline, queue_empty, options, faults=faults)
    run.recorder.listeners.append(partial(gone_after_a_result, faults))
    with pytest.raises(CloudError, match=r"\d finished messages? (was|were) not deleted, and will come again"):
        clock.run(run, backend=backend, time="virtual")


def test_a_stack_that_may_not_be_looked_at_says_what_mends_it() -> None:
    denied = CloudError("cloudformation.DescribeStacks", "AccessDenied", "Not for you", 403)
    assert str(advised(denied)).endswith(
        "Not for you; give these credentials the permission cloudformation:DescribeStacks and run the step again"
    )
    assert "permission s3:ListBucket and" in str(advised(CloudError("s3.ListObjectsV2", "AccessDenied", "", 403)))
    assert advised(busy := CloudError("s3.PutObject", "SlowDown", "", 503)) is busy


def test_what_concerns_one_object_is_that_files(tmp_path: Path) -> None:
    options = Options(virtual=True, files=5, quiet=True, output=tmp_path / "output")
    denied = Faults().fail("s3.GetObject", "AccessDenied", at=(1, 2))
    assert "5 files" in run_step(step9.pipeline, queue_empty, options, faults=denied)[1]


def test_an_ending_that_may_not_look_at_the_queue_ends_the_run(tmp_path: Path) -> None:
    options = Options(virtual=True, files=2, quiet=True, output=tmp_path / "output")

    async def prepare(cloud: Cloud, stack: object) -> None:
        cloud.monitor.sqs._transport = (
            Faults()
            .fail("sqs.GetQueueAttributes", "AccessDenied", at=range(2, 99))
            .around(cloud.monitor.sqs._transport)
        )

    with pytest.raises(CloudError, match="give these credentials the permission sqs:GetQueueAttributes on the queue"):
        run_step(step9.pipeline, queue_empty, options, prepare=prepare)
