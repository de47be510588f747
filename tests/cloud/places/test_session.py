"""What is set about boto3's clients changes none of their answers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from botocore.utils import parse_timestamp
from hypothesis import given
from hypothesis import strategies as st

from palleto.cloud.places.session import _timestamp


@given(st.datetimes(datetime(1970, 1, 1), datetime(9999, 12, 31)))
def test_a_time_in_http_s_form_is_the_one_that_botocore_reads(time: datetime) -> None:
    text = format_datetime(time.replace(tzinfo=UTC), usegmt=True)
    read = _timestamp(text)
    assert read == parse_timestamp(text) == time.replace(microsecond=0, tzinfo=UTC)
    assert read.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "value", ["2026-11-24T13:33:20Z", "2026-11-24T13:33:20.5+01:00", 1764000000, "1764000000", 0.5]
)
def test_other_forms_are_left_to_botocore(value: object) -> None:
    assert _timestamp(value) == parse_timestamp(value)


@pytest.mark.parametrize("value", ["damaged GMT", "Tue, 99 Nov 2026 13:33:20 GMT", " GMT"])
def test_what_is_no_time_fails_as_in_botocore(value: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - dateutil says what it likes
        parse_timestamp(value)
    with pytest.raises(ValueError):  # noqa: PT011
        _timestamp(value)
