"""Another provider's thoughts come back through clients of this API, and only to whoever made them."""

import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.ability import ABLE
from keywright.core.dialect import PathSaid
from keywright.core.event import Closed, Ended, Event, Finished, Opened, SignatureDelta, Started, TextDelta
from keywright.core.message import Part, RedactedThinking, Text, Thinking
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, Response
from keywright.dialects.gemini import StreamWriter, decode_request, encode_request, encode_response, patch, peek
from keywright.dialects.seal import MARK, NOBODY

ASKED = Request("m", ())
SAID = PathSaid("m")


def sent_back(parts: list[Any]) -> tuple[Part, ...]:
    """What a client that sends `parts` back is heard to say."""
    body = {"contents": [{"role": "user", "parts": [{"text": "hi"}]}, {"role": "model", "parts": parts}]}
    return decode_request(json.dumps(body).encode(), SAID).turns[1].parts


def told(*parts: Part) -> list[Any]:
    candidate = json.loads(encode_response(Response("i", "m", (Choice(parts),)), ASKED).body)["candidates"][0]
    found: list[Any] = candidate["content"]["parts"]
    return found


@given(st.text(max_size=9), st.text(min_size=1, max_size=9))
def test_a_signed_thought_comes_back_to_its_provider(text: str, signature: str) -> None:
    thought, redacted = Thinking(text, signature, "anthropic"), RedactedThinking(signature, "anthropic")
    assert sent_back(told(thought, redacted, Text("so"))) == (thought, redacted, Text("so"))


def test_a_thought_that_a_stream_told_in_pieces_is_whole_before_its_signature() -> None:
    writer = StreamWriter(ASKED)
    events: list[Event] = [
        Started("i", "m"),
        Opened(0, Thinking("", origin="anthropic")),
        TextDelta(0, "let "),
        TextDelta(0, "me"),
        SignatureDelta(0, "s"),
        Closed(0),
        Finished(Finish("stop")),
        Ended(),
    ]
    frames = [json.loads(frame[6:]) for frame in b"".join(map(writer.write, events)).split(b"\n\n") if frame]
    parts = [part for frame in frames for part in frame["candidates"][0]["content"]["parts"]]
    assert sent_back(parts)[0] == Thinking("let me", "s", "anthropic")
    assert not writer.losses


def test_the_sdk_may_write_the_signature_in_letters_for_addresses() -> None:
    (part,) = told(Thinking("hm", "\xff\xfe\xfb>?", "anthropic"))
    signature = part["thoughtSignature"]
    assert signature.startswith(MARK.decode())
    part["thoughtSignature"] = signature.replace("+", "-").replace("/", "_").rstrip("=")
    assert sent_back([part]) == (Thinking("hm", "\xff\xfe\xfb>?", "anthropic"),)


def test_gemini_is_never_told_what_another_provider_signed() -> None:
    request = decode_request(
        json.dumps(
            {"contents": [{"role": "model", "parts": told(Thinking("hm", "s", "anthropic"), Text("so"))}]}
        ).encode(),
        SAID,
    )
    encoded = encode_request(request, "m", ABLE)
    assert json.loads(encoded.body)["contents"] == [{"role": "model", "parts": [{"text": "so"}]}]
    assert [loss.path for loss in encoded.losses] == ["turns[0].parts[0]"]


def test_the_verbatim_lane_leaves_such_thoughts_out_and_changes_nothing_else() -> None:
    hi, own = {"role": "user", "parts": [{"text": "hi"}]}, {"text": "so", "thoughtSignature": "b3du"}
    foreign = told(Thinking("hm", "s", "anthropic"), RedactedThinking("x", "anthropic"))
    body = json.dumps(
        {
            "contents": [hi, {"role": "model", "parts": [*foreign, own]}, {"role": "model", "parts": foreign}],
            "labels": {},
        }
    ).encode()
    patched = json.loads(patch(body, peek(body, SAID), "m"))
    assert patched == {"contents": [hi, {"role": "model", "parts": [own]}], "labels": {}}


@pytest.mark.parametrize("inner", [b"keywright:", b"keywright:a", b"keywright:\xff::"])
def test_a_signature_that_was_changed_is_nobodys(inner: bytes) -> None:
    for encode in (b64encode, urlsafe_b64encode):
        signature = encode(inner).decode()
        (part,) = sent_back([{"text": "hm", "thought": True, "thoughtSignature": signature}])
        assert part == Thinking("hm", signature, NOBODY)
