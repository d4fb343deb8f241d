"""Moments, inside and outside."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vivavoce.api.models import moment, ms
from vivavoce.errors import BadInput


@given(st.integers(0, 253_000_000_000_000))
def test_a_moment_comes_back_as_it_was(at: int) -> None:
    text = moment(at)
    assert len(text) == 24
    if at > 366 * 86_400_000:
        assert ms(datetime.fromisoformat(text)) == at


def test_a_moment_reads_as_the_standard_wants_it() -> None:
    assert moment(1_795_676_400_007) == "2026-11-26T07:00:00.007Z"


def test_a_moment_of_another_zone_or_of_none() -> None:
    noon = datetime(2026, 11, 26, 12, 0)
    assert ms(noon) == ms(noon.replace(tzinfo=UTC))
    assert ms(noon.replace(tzinfo=timezone(timedelta(hours=1)))) == ms(datetime(2026, 11, 26, 11, 0))
    assert ms(None) is None


@pytest.mark.parametrize("year", [1, 1900, 1970, 9999])
def test_a_moment_of_another_age_is_refused(year: int) -> None:
    with pytest.raises(BadInput):
        ms(datetime(year, 6, 1))
