"""The endpoints of stand-ins whose answers come whole refuse what their providers refuse."""

from typing import Any

import pytest

from tests.conftest import shared_dir
from tests.dialects.gemini.official import proto
from tests.standin import vectors
from tests.standin.bedrock import ConverseWire, InvokeWire
from tests.standin.counts import BedrockCount, GeminiCount, ranking
from tests.standin.fixtures import CLAUDE_ON_BEDROCK
from tests.standin.gemini import GeminiWire
from tests.standin.reply import RejectedError
from tests.standin.whole import Answer

Body = dict[str, Any]  # the JSON boundary
WORDS: Body = {"parts": [{"text": "two words"}]}
MESSAGES = [{"role": "user", "content": [{"text": "two words"}]}]


def gemini(name: str) -> Answer:
    made = vectors.Gemini(proto())
    answers: dict[str, Answer] = {
        "many": made.many,
        "single": made.single,
        "count": GeminiCount(GeminiWire(proto())),
    }
    return answers[name]


def counted() -> BedrockCount:
    specs = shared_dir("specs")
    return BedrockCount(ConverseWire(specs), InvokeWire(specs))


@pytest.mark.parametrize(
    ("answer", "good", "change"),
    [
        (vectors.openai, {"input": ["a"]}, {"input": []}),
        (vectors.openai, {"input": "a"}, {"input_type": "query"}),
        (vectors.openai, {"input": "a"}, {"encoding_format": "int8"}),
        (vectors.cohere, {"texts": ["a"], "input_type": "search_query"}, {"input_type": None}),
        (vectors.cohere, {"texts": ["a"], "input_type": "search_query"}, {"texts": ["a"] * 97}),
        (vectors.cohere, {"texts": ["a"], "input_type": "search_query"}, {"output_dimension": 100}),
        (vectors.titan, {"inputText": "a"}, {"dimensions": 100}),
        (vectors.titan, {"inputText": "a"}, {"texts": ["a"]}),
        (gemini("many"), {"requests": [{"model": "models/m", "content": WORDS}]}, {"requests": []}),
        (gemini("many"), {"requests": [{"model": "models/m", "content": WORDS}]}, {"requests": [{"content": WORDS}]}),
        (gemini("single"), {"content": WORDS}, {"content": {"parts": []}}),
        (gemini("single"), {"content": WORDS}, {"title": "t", "taskType": "RETRIEVAL_QUERY"}),
        (gemini("count"), {"contents": [WORDS]}, {"systemInstruction": WORDS}),
        (
            gemini("count"),
            {"contents": [WORDS]},
            {"generateContentRequest": {"model": "models/m", "contents": [WORDS]}},
        ),
        (ranking, {"query": "a", "documents": ["a"]}, {"documents": [{"text": "a"}]}),
        (ranking, {"query": "a", "documents": ["a"]}, {"return_documents": True}),
    ],
)
def test_it_is_answered_until_it_breaks_a_rule(answer: Answer, good: Body, change: Body) -> None:
    answer({"model": "m", **good})
    with pytest.raises(RejectedError):
        answer({"model": "m", **good, **change})


def test_a_vector_is_its_texts_own_and_of_length_one() -> None:
    (found,) = (each["embedding"] for each in vectors.openai({"model": "m", "input": "a text"})[0]["data"])
    assert found == vectors.vector("a text", 1536)
    assert found != vectors.vector("another text", 1536)
    assert sum(value * value for value in found) == pytest.approx(1, abs=1e-5)


def test_tokens_are_counted_as_chats_count_them() -> None:
    assert gemini("count")({"model": "m", "contents": [WORDS]})[0]["totalTokens"] == 2
    count, model = counted(), CLAUDE_ON_BEDROCK
    assert count({"model": model, "input": {"converse": {"messages": MESSAGES}}})[0] == {"inputTokens": 2}
    wrongs: list[Body] = [{}, {"converse": {"messages": []}}, {"converse": {"messages": MESSAGES}, "invokeModel": {}}]
    for wrong in wrongs:
        with pytest.raises(RejectedError):
            count({"model": model, "input": wrong})


def test_documents_are_ranked_by_the_words_that_they_share_with_the_query() -> None:
    said, _ = ranking({"model": "m", "query": "a red rose", "documents": ["a sky", "red rose a", "red"], "top_n": 2})
    assert [each["index"] for each in said["results"]] == [1, 0]
