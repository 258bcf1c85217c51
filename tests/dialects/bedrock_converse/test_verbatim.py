"""The verbatim lane."""

import pytest

from keywright.core.dialect import PathSaid, Peek, Tapped
from keywright.core.errors import RefusedError
from keywright.core.usage import Usage
from keywright.dialects.aws_eventstream import exception_block, framed
from keywright.dialects.bedrock_converse import Tap, patch, peek, tap_response
from keywright.dialects.bedrock_converse.verbatim import BATCH_BYTES_MAX
from tests.dialects.bedrock_converse.test_streams import END, START, STOP, TALK, delta, wire

SAID = PathSaid("claude", stream=True)
SEEN = Peek("m", stream=True, input_bytes=1)


def test_a_peek_tells_the_little_that_policy_needs() -> None:
    body = b'{ "inferenceConfig" : {"maxTokens": 5}, "messages":[{"inferenceConfig":7}]}'
    peeked = peek(body, SAID)
    assert (peeked.model, peeked.stream, peeked.input_bytes, peeked.output_tokens_max) == ("claude", True, len(body), 5)
    assert peek(b'{"inferenceConfig":null}', SAID).output_tokens_max is None
    assert patch(body, peeked, "other") is body


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"nonsense", "invalid_json", None),
        (b'{"inferenceConfig":{},"inferenceConfig":{}}', "invalid_json", None),
        (b'{"inferenceConfig":{"maxTokens":1,"maxTokens":2}}', "invalid_json", None),
        (b'{"InferenceConfig":{"maxTokens":1}}', "invalid_request", "InferenceConfig"),
        (b'{"inferenceConfig":{"maxTokens":"x"}}', "invalid_request", "inferenceConfig.maxTokens"),
        (b'{"inferenceConfig":{"maxTokens":0}}', "invalid_request", "inferenceConfig.maxTokens"),
        (b'{"inferenceConfig":7}', "invalid_json", None),
    ],
)
def test_a_body_that_could_be_read_in_two_ways_is_refused(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(RefusedError) as caught:
        peek(body, SAID)
    assert (caught.value.failure.code, caught.value.failure.param) == (code, param)


@pytest.mark.parametrize("model", ["", "m" * 2049])
def test_a_path_whose_model_cannot_be_one_is_refused(model: str) -> None:
    with pytest.raises(RefusedError):
        peek(b"{}", PathSaid(model))


def tapped(body: bytes, size: int) -> Tapped:
    tap = Tap(SEEN)
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    assert b"".join(map(tap.feed, pieces)) == body
    return tap.result()


def test_a_tap_counts_however_the_stream_is_cut() -> None:
    for size in (1, 7, 100, len(TALK)):
        assert tapped(TALK, size) == Tapped(Usage(input=3, output=5), finish="end_turn", output_chars=3, complete=True)


def test_a_tap_counts_thinking_and_arguments() -> None:
    body = wire(START, delta(0, reasoningContent={"text": "hmm"}), delta(1, toolUse={"input": '{"a":1}'}), STOP, END)
    assert tapped(body, 50).output_chars == 10


def test_a_tap_tells_a_failure_within_the_stream() -> None:
    failure = tapped(wire(START) + framed(exception_block("throttlingException"), b'{"message":"m"}'), 9).failure
    assert failure is not None
    assert failure.kind == "rate_limited"


def test_a_tap_of_what_is_no_event_stream_passes_it_on_and_counts_only_its_size() -> None:
    tap = Tap(SEEN)
    garbage = b"x" * BATCH_BYTES_MAX
    assert tap.feed(garbage) == garbage
    assert tap.feed(TALK) == TALK
    assert tap.result() == Tapped(output_chars=len(garbage + TALK))


def test_a_whole_answer_is_counted() -> None:
    body = (
        b'{"output":{"message":{"content":[{"text":"abc"},{"toolUse":{"input":{"a":1}}},{"toolUse":{"input":{}}},'
        b'{"reasoningContent":{"reasoningText":{"text":"de"}}},{"citationsContent":{"content":[{"text":"f"}]}}]}},'
        b'"stopReason":"tool_use","usage":{"inputTokens":1,"outputTokens":2}}'
    )
    assert tap_response(body) == Tapped(Usage(1, 2), finish="tool_use", output_chars=13, complete=True)
    assert tap_response(b"nonsense") == Tapped()
    assert tap_response(b'{"message":"no"}') == Tapped()
