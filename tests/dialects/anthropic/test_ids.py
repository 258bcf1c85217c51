"""Tool call ids from elsewhere."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.dialects.anthropic.ids import inward, outward

TAKEN = re.compile(r"^[a-zA-Z0-9_-]+$")


@given(st.text(max_size=30) | st.sampled_from(["", "kw64_", "kw64_YWJj", "functions.f:0", "call_1", "toolu_01-x"]))
def test_every_id_goes_out_as_one_that_the_api_takes_and_comes_back(call_id: str) -> None:
    assert TAKEN.match(outward(call_id))
    assert inward(outward(call_id)) == call_id


@pytest.mark.parametrize("call_id", ["toolu_01", "call-1", "kw64_a", "kw64_gICA", "kw64_YWJj", "kw64_!"])
def test_an_id_that_is_not_one_of_ours_is_kept(call_id: str) -> None:
    assert inward(call_id) == call_id
