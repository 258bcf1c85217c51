"""Whole answers, both ways. What recordings do not show is built here."""

import json
from typing import Any

import pytest

from keywright.core.errors import ProviderError, UpstreamMalformedError
from keywright.core.json import JsonObject
from keywright.core.message import (
    Base64Source,
    Citation,
    Image,
    Opaque,
    Part,
    Refusal,
    ServerToolCall,
    Text,
    ToolCall,
    ToolResult,
)
from keywright.core.request import Request
from keywright.core.response import Choice, Finish, FinishReason, Response
from keywright.core.usage import Usage
from keywright.dialects.gemini import decode_response, encode_response
from keywright.dialects.gemini.usage import usage_node, usage_of

ASKED = Request("m", ())


def heard(*parts: JsonObject, **candidate: Any) -> Choice:
    body = {"candidates": [{"content": {"parts": [*parts]}, "finishReason": "STOP", **candidate}]}
    (choice,) = decode_response(json.dumps(body).encode()).choices
    return choice


def told(*parts: Part, finish: Finish | None = None) -> tuple[Any, list[str]]:
    encoded = encode_response(Response("i", "m", (Choice(parts, finish),)), ASKED)
    return json.loads(encoded.body)["candidates"][0], [loss.path for loss in encoded.losses]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"{}", b'{"predictions":[]}', b'{"candidates":[{"content":{"parts":[1]}}]}']
)
def test_what_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(UpstreamMalformedError):
        decode_response(body)


def test_an_error_under_a_good_status_is_an_error() -> None:
    for body in (b'{"error":{"code":503,"status":"UNAVAILABLE"}}', b'[{"error":{"code":503,"status":"UNAVAILABLE"}}]'):
        with pytest.raises(ProviderError) as failed:
            decode_response(body)
        assert (failed.value.failure.kind, failed.value.failure.status) == ("overloaded", 503)


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("STOP", "stop"),
        ("MAX_TOKENS", "length"),
        ("SAFETY", "content_filter"),
        ("RECITATION", "content_filter"),
        ("BLOCKLIST", "content_filter"),
        ("PROHIBITED_CONTENT", "content_filter"),
        ("SPII", "content_filter"),
        ("IMAGE_SAFETY", "content_filter"),
        ("MODEL_ARMOR", "content_filter"),
        ("MALFORMED_FUNCTION_CALL", "error"),
        ("UNEXPECTED_TOOL_CALL", "error"),
        ("MISSING_THOUGHT_SIGNATURE", "error"),
        ("OTHER", "other"),
        ("SOMETHING_NEW", "other"),
    ],
)
def test_each_reason_to_end_is_known_and_told_again(word: str, reason: FinishReason) -> None:
    choice = heard({"text": "a"}, finishReason=word, finishMessage="why")
    assert choice.finish == Finish(reason, raw=word, origin="gemini", extras={"gemini": {"finishMessage": "why"}})
    candidate, losses = told(finish=choice.finish)
    assert (candidate["finishReason"], candidate["finishMessage"], losses) == (word, "why", [])


def test_reasons_may_come_by_number() -> None:
    assert heard({"text": "a"}, finishReason=8).finish == Finish(
        "content_filter", raw="PROHIBITED_CONTENT", origin="gemini"
    )


def test_an_answer_that_ends_with_calls_ends_for_them() -> None:
    finish = heard({"functionCall": {"name": "f"}}).finish
    assert finish is not None
    assert (finish.reason, finish.raw) == ("tool_calls", "STOP")


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("stop", "STOP"),
        ("tool_calls", "STOP"),
        ("stop_sequence", "STOP"),
        ("length", "MAX_TOKENS"),
        ("context_window", "MAX_TOKENS"),
        ("content_filter", "SAFETY"),
        ("refusal", "SAFETY"),
        ("pause", "OTHER"),
    ],
)
def test_another_providers_reason_has_a_word_here(reason: FinishReason, word: str) -> None:
    assert told(finish=Finish(reason, raw="x", origin="anthropic"))[0]["finishReason"] == word


def test_an_answer_of_which_nobody_said_why_it_ended_has_stopped() -> None:
    answer = Response("i", "m", (Choice((Text("x"),)),))
    (candidate,) = json.loads(encode_response(answer, ASKED).body)["candidates"]
    assert candidate["finishReason"] == "STOP"


def test_a_blocked_prompt_is_an_answer_that_a_filter_ended_and_is_told_again_as_it_was() -> None:
    body: JsonObject = {
        "promptFeedback": {"blockReason": "SAFETY", "safetyRatings": []},
        "modelVersion": "m",
        "responseId": "i",
        "usageMetadata": {"promptTokenCount": 3, "candidatesTokenCount": 0, "totalTokenCount": 3},
    }
    response = decode_response(json.dumps(body).encode())
    assert response.choices == (Choice((), Finish("content_filter", raw="SAFETY", origin="gemini")),)
    assert response.usage == Usage(input=3)
    assert json.loads(encode_response(response, ASKED).body) == body


def test_ids_that_nobody_gave_are_the_same_each_time_and_never_told_to_this_apis_clients() -> None:
    calls = [{"functionCall": {"name": "f", "args": {}}}, {"functionCall": {"name": "f", "args": {}}}]
    body = json.dumps({"responseId": "abc", "candidates": [{"content": {"parts": calls}}]}).encode()
    first, second = decode_response(body).choices[0].parts
    assert isinstance(first, ToolCall)
    assert isinstance(second, ToolCall)
    assert first.id != second.id
    assert decode_response(body) == decode_response(body)
    assert told(first, second)[0]["content"]["parts"] == calls


def test_log_probabilities_are_in_the_form_that_all_dialects_share_and_come_back() -> None:
    result: JsonObject = {
        "chosenCandidates": [{"token": "é", "logProbability": -0.5, "tokenId": 7}],
        "topCandidates": [{"candidates": [{"token": "é", "logProbability": -0.5, "tokenId": 7}]}],
    }
    choice = heard({"text": "é"}, logprobsResult=result)
    token = {"token": "é", "logprob": -0.5, "bytes": [0xC3, 0xA9], "tokenId": 7}
    assert choice.logprobs == {"content": [{**token, "top_logprobs": [token]}]}
    encoded = encode_response(Response("i", "m", (choice,)), ASKED)
    assert json.loads(encoded.body)["candidates"][0]["logprobsResult"] == result
    assert not encoded.losses


def test_log_probabilities_of_a_form_that_is_not_known_are_lost_and_empty_ones_are_none() -> None:
    for logprobs, lost in (({"tokens": [1]}, 1), ({"content": None, "refusal": None}, 0)):
        encoded = encode_response(Response("i", "m", (Choice((), logprobs=logprobs),)), ASKED)  # type: ignore[arg-type]  # JSON
        assert len(encoded.losses) == lost


def test_sources_are_citations_each_with_its_address() -> None:
    grounding: JsonObject = {
        "groundingChunks": [
            {"web": {"uri": "https://a.example", "title": "A"}},
            {"retrievedContext": {"text": "said", "title": "B"}},
            {"web": {"uri": "https://d.example", "title": "named by no stretch"}},
        ],
        "groundingSupports": [
            {"segment": {"endIndex": 2, "text": "so"}, "groundingChunkIndices": [0, 1, 9]},
        ],
    }
    cited: JsonObject = {"citations": [{"uri": "https://c.example", "startIndex": 1}, {"endIndex": 3}]}
    choice = heard({"text": "so"}, groundingMetadata=grounding, citationMetadata=cited)
    (text,) = choice.parts
    assert isinstance(text, Text)
    assert [(each.url, each.title, each.cited_text) for each in text.citations] == [
        ("https://a.example", "A", None),
        (None, "B", "said"),
        ("https://d.example", "named by no stretch", None),
        ("https://c.example", None, None),
    ]
    encoded = encode_response(Response("i", "m", (choice,)), ASKED)
    candidate = json.loads(encoded.body)["candidates"][0]
    assert (candidate["groundingMetadata"], candidate["citationMetadata"]) == (grounding, cited)
    assert not encoded.losses


def test_citations_from_elsewhere_ground_the_text_they_stand_with() -> None:
    known = Citation("anthropic", {}, "https://a.example", "A")
    candidate, losses = told(Text("ü so", (known, Citation("anthropic", {}))))
    assert candidate["groundingMetadata"] == {
        "groundingChunks": [{"web": {"uri": "https://a.example", "title": "A"}}],
        "groundingSupports": [
            {"segment": {"partIndex": 0, "endIndex": 5, "text": "ü so"}, "groundingChunkIndices": [0]},
        ],
    }
    assert losses == ["candidates[0].content.parts[0].citations"]


def test_a_picture_that_the_model_drew_is_an_image_and_is_told_again() -> None:
    drawn: JsonObject = {"inlineData": {"mimeType": "image/png", "data": "AAAA"}, "thoughtSignature": "eA=="}
    (image,) = heard(drawn).parts
    assert image == Image(Base64Source("image/png", "AAAA"), extras={"gemini": {"thoughtSignature": "eA=="}})
    candidate, losses = told(image)
    assert (candidate["content"], losses) == ({"parts": [drawn], "role": "model"}, [])


@pytest.mark.parametrize(
    ("part", "node", "losses"),
    [
        (Refusal("no"), {"text": "no"}, [""]),
        (ServerToolCall("anthropic", "i", "web_search", "{}", {}), None, [""]),
        (Opaque("cohere", "x", {}), None, [""]),
        (ToolResult("a", ()), None, [""]),
    ],
)
def test_what_an_answer_cannot_hold_is_reported(part: Part, node: JsonObject | None, losses: list[str]) -> None:
    candidate, found = told(part)
    assert candidate["content"]["parts"] == ([] if node is None else [node])
    assert found == [f"candidates[0].content.parts[0]{each}" for each in losses]


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"promptTokenCount": 9, "totalTokenCount": 9}, Usage(input=9)),
        (
            {"promptTokenCount": 9, "candidatesTokenCount": 3, "thoughtsTokenCount": 4, "totalTokenCount": 16},
            Usage(input=9, output=3, reasoning=4),
        ),
        (
            {"promptTokenCount": 9, "toolUsePromptTokenCount": 5, "candidatesTokenCount": 1, "totalTokenCount": 15},
            Usage(input=14, output=1),
        ),
        (
            {"promptTokenCount": 100, "cachedContentTokenCount": 60, "totalTokenCount": 100},
            Usage(input=40, cache_read=60),
        ),
        (
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 60,
                "totalTokenCount": 100,
                "promptTokensDetails": [
                    {"modality": "AUDIO", "tokenCount": 50},
                    {"modality": "VIDEO", "tokenCount": 50},
                ],
                "cacheTokensDetails": [
                    {"modality": "AUDIO", "tokenCount": 30},
                    {"modality": "VIDEO", "tokenCount": 30},
                ],
            },
            Usage(input=20, cache_read=30, audio_input=20, audio_cache_read=30),
        ),
        (
            {
                "promptTokenCount": 10,
                "candidatesTokenCount": 20,
                "totalTokenCount": 30,
                "promptTokensDetails": [{"modality": 2, "tokenCount": 4}],
                "candidatesTokensDetails": [
                    {"modality": "IMAGE", "tokenCount": 15},
                    {"modality": "AUDIO", "tokenCount": 2},
                ],
            },
            Usage(input=6, image_input=4, output=3, image_output=15, audio_output=2),
        ),
        (  # a document's pages are cached as pictures
            {
                "promptTokenCount": 100,
                "cachedContentTokenCount": 90,
                "totalTokenCount": 100,
                "promptTokensDetails": [{"modality": "DOCUMENT", "tokenCount": 100}],
                "cacheTokensDetails": [{"modality": "IMAGE", "tokenCount": 90}],
            },
            Usage(input=10, cache_read=90),
        ),
        ({"promptTokenCount": 5, "cachedContentTokenCount": 6, "totalTokenCount": 5}, None),
        ({"promptTokenCount": -5, "totalTokenCount": 5}, None),
        ({"promptTokenCount": "5", "totalTokenCount": 5}, None),
        ({"promptTokenCount": 10**15, "totalTokenCount": 10**15}, None),
        ({"trafficType": "ON_DEMAND"}, None),
    ],
)
def test_tokens_are_counted_once_each_as_they_are_billed(said: JsonObject, usage: Usage | None) -> None:
    assert usage_of(said) == usage
    body = json.dumps({"candidates": [], "usageMetadata": said}).encode()
    assert decode_response(body).usage == usage


def test_each_kind_of_token_comes_back() -> None:
    usage = Usage(1, 2, 3, 4, audio_input=5, audio_output=6, audio_cache_read=7, image_input=8, image_output=9)
    said = usage_node(usage)
    assert said["totalTokenCount"] == usage.input_total + usage.output_total
    assert usage_of(said) == usage
