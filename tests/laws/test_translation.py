"""Nothing is lost silently: what a dialect was told is what it says, but for what it declares, and that is lost.

Requests are compared in the canonical model, topic by topic: a loss belongs to the topic that its path names. Images
that are documented as no losses (`settled`) are applied to both sides first.
"""

import json
from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect
from keywright.core.loss import Loss
from keywright.core.message import Document, Part, Text, ToolCall, ToolResult
from keywright.core.request import JsonSchemaFormat, Request
from keywright.dialects import anthropic, openai_chat
from tests.laws.strategies import law, requests, texts

DIALECTS: dict[str, Dialect] = {"anthropic": anthropic, "openai_chat": openai_chat}
ABLE = Abilities(reasoning="effort", output_tokens_max=8192)
TOPICS = {
    "turns": "turns",
    "stop": "stop",
    "temperature": "temperature",
    "top_p": "top_p",
    "format": "format",
    "tools": "tools",
    "tool_choice": "tool_choice",
}

both = pytest.mark.parametrize("dialect", DIALECTS.values(), ids=DIALECTS.keys())
asked = st.sampled_from(sorted(DIALECTS)).flatmap(requests)


@st.composite
def beyond_text(draw: st.DrawFn) -> Request:
    """A request whose tools may answer with white space, and whose user may have begun the answer."""
    request = draw(asked)
    if draw(st.booleans()):
        begun = replace(request.turns[-1], role="assistant", parts=(draw(texts),))
        request = replace(request, turns=(*request.turns, begun))
    return request


def topic(loss: Loss) -> str:
    return TOPICS[loss.path.partition(".")[0].partition("[")[0]]


def settled(request: Request) -> dict[str, object]:
    """What `request` says, by topic, without differences that are no losses.

    These are: turns of one role that stand together; a schema's name, and whether it is a promise; how arguments are
    spelled; the end of a PDF's name; the limit that was not said; that a stream reports its usage; whether calls
    may be parallel where none may be made.
    """
    wanted, choice = request.format, request.tool_choice
    if isinstance(wanted, JsonSchemaFormat):
        wanted = JsonSchemaFormat(wanted.schema)
    if choice is not None and choice.mode == "none":
        choice = replace(choice, parallel=None)
    return {
        "turns": [(turn.role, said(part)) for turn in request.turns for part in turn.parts],
        "stop": request.stop,
        "temperature": request.sampling.temperature,
        "top_p": request.sampling.top_p,
        "format": wanted,
        "tools": request.tools,
        "tool_choice": choice,
        "reasoning": request.reasoning,
        "limit": request.output_tokens_max or ABLE.output_tokens_max,
        "rest": (request.stream, request.user, request.choices, request.service_tier, request.metadata, request.extras),
    }


def said(part: Part) -> bytes:
    match part:
        case ToolCall():
            part = replace(part, arguments=json.dumps(json.loads(part.arguments or "{}"), sort_keys=True))
        case Document() if part.title is not None:
            part = replace(part, title=part.title.removesuffix(".pdf"))
        case ToolResult():
            part = replace(part, name=None)
        case _:
            pass
    return msgspec.json.encode(part)


def changed(before: Request, after: Request) -> set[str]:
    one, other = settled(before), settled(after)
    if one["limit"] == ABLE.output_tokens_max:  # not said, or the model's own
        one["limit"] = other["limit"] = None
    return {name for name in one if one[name] != other[name]}


@both
@law
@given(request=beyond_text())
def test_what_changed_was_declared_and_what_was_declared_changed(dialect: Dialect, request: Request) -> None:
    encoded = dialect.encode_request(request, request.model, ABLE)
    heard = dialect.decode_request(encoded.body)
    declared = {topic(loss) for loss in encoded.losses if "answers anew" not in loss.why}
    assert changed(request, heard) == declared


@both
@law
@given(request=beyond_text())
def test_each_part_that_is_missing_has_a_loss_of_its_own(dialect: Dialect, request: Request) -> None:
    encoded = dialect.encode_request(request, request.model, ABLE)
    before, after = parts(request), parts(dialect.decode_request(encoded.body))
    losses = [loss for loss in encoded.losses if topic(loss) == "turns" and "answers anew" not in loss.why]
    assert (before - after).total() == len(losses)
    assert not after - before or any(loss.weight == "meaning" for loss in losses)  # then it is not sent


def parts(request: Request) -> "Counter[bytes]":
    """The parts, a tool's result as the texts in it: of that, single texts can be lost."""
    found: Counter[bytes] = Counter()
    for turn in request.turns:
        for part in turn.parts:
            inner = part.parts if isinstance(part, ToolResult) else ()
            found.update(map(said, inner))
            found[said(replace(part, parts=()) if isinstance(part, ToolResult) else part)] += 1
    return found


@both
@law
@given(request=beyond_text())
def test_without_a_loss_there_and_back_again_is_the_same(dialect: Dialect, request: Request) -> None:
    (there,) = (other for other in DIALECTS.values() if other is not dialect)
    own = dialect.encode_request(request, request.model, ABLE)
    begun = dialect.decode_request(own.body)  # the request as this dialect's own client would make it
    told = there.encode_request(begun, request.model, ABLE)
    if told.losses or any(loss.weight == "meaning" for loss in own.losses):
        return
    back = dialect.encode_request(there.decode_request(told.body), request.model, ABLE)
    assert not [loss for loss in back.losses if "answers anew" not in loss.why]
    assert changed(begun, dialect.decode_request(back.body)) == set()


@both
def test_the_plainest_request_has_no_loss(dialect: Dialect) -> None:
    request = dialect.decode_request(b'{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}]}')
    assert request.turns[0].parts == (Text("hi"),)
    for target in DIALECTS.values():
        assert not target.encode_request(request, "m", ABLE).losses
