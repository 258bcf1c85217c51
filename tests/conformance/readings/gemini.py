"""Gemini's answers by hand: whole, or the frames of a stream, of one candidate."""

import json
from typing import Any

from tests.conformance.plain import Body
from tests.conformance.readings.answer import Answer, Calls, ended, spelled

NUMBERED = {1: "STOP", 2: "MAX_TOKENS"}
"""Reasons to end, where a client has asked for enums by number."""

FINISHES = {"STOP": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter"}


def whole(body: Body) -> Answer:
    """An answer that came whole."""
    return answer([body])


def stream(text: str) -> Answer:
    """An answer that came as events."""
    return answer([json.loads(line[5:]) for line in text.splitlines() if line.startswith("data:")])


def answer(frames: list[Body]) -> Answer:
    """The first candidate of all frames."""
    candidates = [
        candidate for frame in frames for candidate in frame.get("candidates", []) if candidate.get("index", 0) == 0
    ]
    parts = [part for candidate in candidates for part in (candidate.get("content") or {}).get("parts", [])]
    calls = called(parts)
    text = "".join(part["text"] for part in parts if "text" in part and not part.get("thought"))
    return Answer(text, calls, finish_of(frames, candidates, calls), *tokens(frames))


def called(parts: list[Body]) -> Calls:
    """The calls; one that came in pieces is a name first, and then what `partialArgs` put into its arguments."""
    calls: list[tuple[str, Any, list[Body]]] = []
    for part in parts:
        call = part.get("functionCall")
        if call is not None and "name" in call:
            calls.append((call["name"], call.get("args") or {}, []))
        if call is not None:
            calls[-1][2].extend(call.get("partialArgs", ()))
    return [(name, spelled(put(pieces) if pieces else arguments)) for name, arguments, pieces in calls]


def put(pieces: list[Body]) -> Body:
    """The arguments that `partialArgs` amount to, by evaluating each path."""
    root: Body = {}
    for piece in pieces:
        steps = piece["jsonPath"].removeprefix("$.").replace("[", ".#").replace("]", "").split(".")
        node: Any = root
        for step, after in zip(steps, [*steps[1:], None], strict=True):
            key: Any = int(step[1:]) if step.startswith("#") else step
            if isinstance(node, list) and key == len(node):
                node.append(None)
            there = node[key] if isinstance(node, list) else node.get(key)
            if after is not None:
                there = there if there is not None else [] if after.startswith("#") else {}
            elif "stringValue" in piece:
                there = (there or "") + piece["stringValue"]
            else:
                there = piece.get("numberValue", piece.get("boolValue"))
            node[key] = there
            node = there
    return root


def finish_of(frames: list[Body], candidates: list[Body], calls: Calls) -> str:
    """Why it ended; without a candidate the prompt was blocked."""
    reasons = [candidate["finishReason"] for candidate in candidates if "finishReason" in candidate]
    if not reasons:
        assert frames[0]["promptFeedback"]["blockReason"]
        return "content_filter"
    return ended(FINISHES.get(NUMBERED.get(reasons[-1], reasons[-1]), "other"), calls)


def tokens(frames: list[Body]) -> tuple[int, int, int]:
    """Input, output, cached: the last frame that counts. Tools' results are of the prompt, thoughts of the output."""
    told = [frame["usageMetadata"] for frame in frames if "totalTokenCount" in frame.get("usageMetadata", {})]
    usage = told[-1] if told else {}

    def count(name: str) -> int:
        return int(usage.get(name) or 0)

    return (
        count("promptTokenCount") + count("toolUsePromptTokenCount"),
        count("candidatesTokenCount") + count("thoughtsTokenCount"),
        count("cachedContentTokenCount"),
    )
