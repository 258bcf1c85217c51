"""Recorded streams that break off anywhere, as when the client leaves: what is charged then is what surely was used."""

import pytest

from keywright.core.dialect import Tapped
from keywright.dialects import DIALECTS
from keywright.pipeline.settle import BYTES_PER_TOKEN, metered
from tests.conformance.test_stopped import SEEN, read, streams

PARTS = 8


def tapped(name: str, body: bytes) -> Tapped:
    tap = DIALECTS[name].Tap(SEEN)
    tap.feed(body)
    return tap.result()


@pytest.mark.parametrize("name", DIALECTS)
def test_a_stream_that_breaks_off_is_charged_what_was_told_and_the_text_that_passed(name: str) -> None:
    told = 0
    for body in streams(name):
        whole = tapped(name, body)
        if read(name, body) is None or whole.failure is not None:
            continue
        for part in range(1, PARTS):
            seen = tapped(name, body[: len(body) * part // PARTS])
            use = metered(seen, SEEN)
            if seen.complete and seen.usage is not None:
                assert use.source == "provider"
                continue
            assert use.usage.output_total >= -(-seen.output_chars // BYTES_PER_TOKEN)
            if seen.usage is not None:
                told += 1
                assert use.usage.output_total >= seen.usage.output_total
                assert use.usage.input_total == seen.usage.input_total
            elif seen.output_chars or seen.model is not None:
                assert use.usage.input_total > 0
                assert use.source == "counted"
            else:
                assert use.source in ("none", "counted")
    if name in ("anthropic", "gemini"):
        assert told > 100, "these tell of the prompt when they begin"


@pytest.mark.parametrize("name", DIALECTS)
def test_a_stream_that_came_to_its_end_is_charged_what_its_provider_told(name: str) -> None:
    for body in streams(name):
        whole, answer = tapped(name, body), read(name, body)
        if answer is not None and answer.usage is not None and whole.usage is not None:
            assert metered(whole, SEEN).usage == (answer.billed or answer.usage)
