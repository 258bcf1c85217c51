"""Token counts: every rule by which servers count, turned into disjoint units once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.usage import InconsistentUsageError, Usage
from keywright.dialects.openai_chat.usage import decode_usage, encode_usage, unmodelled
from tests.laws.strategies import law

count = st.integers(0, 10**6)


def said(prompt: int, completion: int, total: int, **details: Any) -> dict[str, Any]:
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": total, **details}


@pytest.mark.parametrize(
    ("usage", "units"),
    [
        (said(5, 3, 8), Usage(5, 3)),
        ({}, Usage()),
        (said(9, 3, 12, prompt_tokens_details={"cached_tokens": 4}), Usage(5, 3, cache_read=4)),
        (said(9, 3, 12, cached_tokens=4), Usage(5, 3, cache_read=4)),
        (said(9, 3, 12, prompt_cache_hit_tokens=4, prompt_cache_miss_tokens=5), Usage(5, 3, cache_read=4)),
        (
            said(9, 3, 12, prompt_tokens_details={"cached_tokens": 4, "cache_write_tokens": 2}),
            Usage(3, 3, cache_read=4, cache_write_5m=2),
        ),
        (said(9, 3, 12, cache_creation_input_tokens=2), Usage(7, 3, cache_write_5m=2)),
        # Cached tokens beside the prompt: they do not fit into it.
        (said(9, 3, 12, prompt_tokens_details={"cached_tokens": 40}), Usage(9, 3, cache_read=40)),
        # Cached tokens that are audio, or images, at once.
        (
            said(10, 3, 13, prompt_tokens_details={"cached_tokens": 8, "audio_tokens": 5}),
            Usage(0, 3, cache_read=5, audio_input=2, audio_cache_read=3),
        ),
        (
            said(10, 3, 13, prompt_tokens_details={"cached_tokens": 8, "image_tokens": 5}),
            Usage(0, 3, cache_read=8, image_input=2),
        ),
        (said(9, 3, 12, num_cached_tokens=4), Usage(5, 3, cache_read=4)),
        # Audio tokens beside the prompt, by the sum.
        (said(9, 3, 387, prompt_tokens_details={"audio_tokens": 375}), Usage(9, 3, audio_input=375)),
        # Reasoning inside the completion, then beside it by the sum, then beside it because it does not fit.
        (said(5, 9, 14, completion_tokens_details={"reasoning_tokens": 4}), Usage(5, 5, reasoning=4)),
        (said(5, 9, 18, completion_tokens_details={"reasoning_tokens": 4}), Usage(5, 9, reasoning=4)),
        (said(5, 9, 14, completion_tokens_details={"reasoning_tokens": 40}), Usage(5, 9, reasoning=40)),
        (said(5, 9, 14, reasoning_tokens=4), Usage(5, 5, reasoning=4)),
        (
            said(5, 9, 14, completion_tokens_details={"audio_tokens": 4, "image_tokens": 3}),
            Usage(5, 2, audio_output=4, image_output=3),
        ),
        (said(5, 9, 14, server_tool_use={"web_search_requests": 2}), Usage(5, 9, searches=2)),
        ({"prompt_tokens": None, "completion_tokens": 3.0, "prompt_tokens_details": None}, Usage(0, 3)),
    ],
)
def test_numbers_become_disjoint_units(usage: dict[str, Any], units: Usage) -> None:
    assert decode_usage(usage) == units


@pytest.mark.parametrize(
    "usage",
    [
        said(-1, 3, 2),
        said(5, 3, 8, prompt_tokens_details={"audio_tokens": 6}),
        said(5, 3, 8, completion_tokens_details={"audio_tokens": 2, "reasoning_tokens": 2}),
        said(5, 3, 8, prompt_tokens_details={"cached_tokens": -2}),
        {"prompt_tokens": "5", "completion_tokens": 3},
        {"prompt_tokens": 5, "completion_tokens": 3.5},
        {"prompt_tokens": True, "completion_tokens": 3},
        {"prompt_tokens": 5, "completion_tokens": 10**400},
    ],
)
def test_numbers_that_contradict_each_other_are_an_error(usage: dict[str, Any]) -> None:
    with pytest.raises(InconsistentUsageError):
        decode_usage(usage)


@law
@given(st.builds(Usage, count, count, count, count, count, audio_input=count, audio_output=count, image_input=count))
def test_what_is_written_is_read(usage: Usage) -> None:
    written = encode_usage(usage)
    assert written["total_tokens"] == usage.input_total + usage.output_total
    assert decode_usage(written) == usage


def test_every_unit_but_the_length_of_a_cache_write_is_written() -> None:
    full = Usage(1, 2, 3, 4, 5, 0, 7, 8, 0, 10, 11, 12)
    assert decode_usage(encode_usage(full)) == full
    assert decode_usage(encode_usage(Usage(1, cache_write_1h=6))) == Usage(1, cache_write_5m=6)


def test_what_a_server_says_beside_tokens_is_given_back() -> None:
    usage = said(5, 3, 8, cost=0.1, prompt_tokens_details={"video_tokens": 2, "text_tokens": 0}, is_byok=False)
    extra = unmodelled(usage)
    assert extra == {"cost": 0.1, "is_byok": False, "prompt_tokens_details": {"video_tokens": 2}}
    written = encode_usage(decode_usage(usage), extra)
    assert (written["cost"], written["is_byok"]) == (0.1, False)
    assert written["prompt_tokens_details"] == {"cached_tokens": 0, "audio_tokens": 0, "video_tokens": 2}
