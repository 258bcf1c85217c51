"""The verbatim lane."""

import json

import pytest

from keywright.core.dialect import Peek, Tapped
from keywright.core.errors import RefusedError
from keywright.core.usage import Usage
from keywright.dialects.anthropic import Tap, patch, peek, tap_response
from keywright.dialects.anthropic.verbatim import BATCH_BYTES_MAX
from keywright.dialects.sse import FRAME_BYTES_MAX
from tests.dialects.anthropic.test_streams import START, TALK, delta, opened, wire

BODY = b'{ "model" : "claude\\u002d1","max_tokens":5 , "stream":true, "messages":[{"model":"x"}]}'
SEEN = Peek("m", stream=True, input_bytes=1)


def test_a_peek_tells_the_little_that_policy_needs() -> None:
    peeked = peek(BODY)
    assert (peeked.model, peeked.stream, peeked.input_bytes, peeked.output_tokens_max) == (
        "claude-1",
        True,
        len(BODY),
        5,
    )
    assert not peek(b'{"model":"m","max_tokens":1,"stream":null}').stream


def test_a_patch_changes_the_model_and_nothing_else() -> None:
    peeked = peek(BODY)
    assert patch(BODY, peeked, 'a"b') == BODY.replace(b'"claude\\u002d1"', b'"a\\"b"')
    assert patch(BODY, peeked, "claude-1") is BODY


@pytest.mark.parametrize(
    "body",
    [
        b'{"max_tokens":1, "model" :\n "m"}',
        b'{"x":"model","model":"m","max_tokens":1}',
        b'{"x":"say \\"model\\": \\"m\\"","model":"m","max_tokens":1}',
        b'{"x":{"model":"m"},"max_tokens":1,"model":"m"}',
        b'{"model":"m","max_tokens":1,"x":[{"model":"m"}]}',
    ],
)
def test_only_the_bodys_own_model_is_changed(body: bytes) -> None:
    patched = patch(body, peek(body), "other-model")
    assert json.loads(patched) == {**json.loads(body), "model": "other-model"}
    assert len(patched) == len(body) + len("other-model") - len("m")


@pytest.mark.parametrize(
    ("body", "code", "param"),
    [
        (b"nonsense", "invalid_json", None),
        (b'{"model":"m","model":"n","max_tokens":1}', "invalid_json", None),
        (b'{"model":"m","Model":"n","max_tokens":1}', "invalid_json", None),
        (b'{"max_tokens":1}', "invalid_request", "model"),
        (b'{"model":"","max_tokens":1}', "invalid_request", "model"),
        (b'{"model":"' + b"m" * 513 + b'","max_tokens":1}', "invalid_request", "model"),
        (b'{"model":5,"max_tokens":1}', "invalid_request", "model"),
        (b'{"model":"m"}', "invalid_request", "max_tokens"),
        (b'{"model":"m","max_tokens":0}', "invalid_request", "max_tokens"),
        (b'{"model":"m","max_tokens":"5"}', "invalid_request", "max_tokens"),
        (b'{"model":"m","max_tokens":5,"stream":1}', "invalid_request", "stream"),
    ],
)
def test_a_request_that_cannot_be_judged_is_refused(body: bytes, code: str, param: str | None) -> None:
    with pytest.raises(RefusedError) as refused:
        peek(body)
    assert (refused.value.failure.code, refused.value.failure.param) == (code, param)


def test_a_tap_gives_the_very_chunk_back_and_counts() -> None:
    tap = Tap(SEEN)
    chunk = wire(*TALK)
    assert tap.feed(chunk) is chunk
    assert tap.result() == Tapped(Usage(input=7, output=5, reasoning=4), "m", "tool_use", None, 17, complete=True)


def test_a_tap_of_an_aborted_stream_tells_what_it_saw_and_goes_on() -> None:
    tap = Tap(SEEN)
    tap.feed(wire(START, opened({"type": "text", "text": ""}), delta(type="text_delta", text="abc"))[:-1])
    assert tap.result() == Tapped(Usage(input=7, output=1), "m", None, None, 0)
    tap.feed(b"\n")
    assert tap.result().output_chars == 3
    assert not tap.result().complete


def test_a_tap_sees_a_failure_in_mid_stream() -> None:
    tap = Tap(SEEN)
    tap.feed(wire(START, {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}))
    failure = tap.result().failure
    assert failure is not None
    assert (failure.kind, failure.status) == ("overloaded", 529)


def test_frames_that_cannot_be_read_pass_through_uncounted() -> None:
    tap = Tap(SEEN)
    for chunk in (b"data: nonsense\n\n", b'data: {"delta":{"text":5}}\n\n', b": comment\n\n", wire(*TALK)):
        assert tap.feed(chunk) == chunk
    assert tap.result().complete


def test_what_a_tap_keeps_is_bounded() -> None:
    tap = Tap(SEEN)
    chunk = b"x" * BATCH_BYTES_MAX
    for _ in range(FRAME_BYTES_MAX // len(chunk) + 5):
        assert tap.feed(chunk) is chunk
    assert tap._blind
    assert not tap._batch
    assert tap.result() == Tapped(output_chars=5 * BATCH_BYTES_MAX)  # from where it was not read: its size


def test_a_whole_answer_tells_of_itself() -> None:
    body = (
        b'{"type":"message","model":"m","stop_reason":"end_turn","content":[{"type":"text","text":"ab\\u00fc"},'
        b'{"type":"tool_use","input":{"a":1}},{"type":"tool_use","input":{}},{"type":"thinking","thinking":"hm"}],'
        b'"usage":{"input_tokens":3,"output_tokens":2}}'
    )
    assert tap_response(body) == Tapped(Usage(input=3, output=2), "m", "end_turn", None, 12, complete=True)
    assert tap_response(b"nonsense") == Tapped()
    assert tap_response(b'{"type":"error","error":{}}') == Tapped()
