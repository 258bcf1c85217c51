"""LiteLLM's SDK in each of the dialects that it speaks: all that every SDK does, and what is LiteLLM's own."""

import json
import re
from collections.abc import Iterator

import pytest

from tests.conformance.sdk import CITY_SCHEMA, PIXEL
from tests.conformance.sdks.conftest import PROVIDERS, Place
from tests.conformance.sdks.litellm import ADDRESSES, LiteLLM, LiteLLMError, Process
from tests.conformance.sdks.sdk import FailedError
from tests.conformance.sdks.test_every_sdk import (
    test_a_question_is_answered,
    test_a_stream_is_the_same_answer,
    test_a_tool_is_called,
    test_an_answer_that_is_cut_at_the_limit_says_so,
    test_an_unknown_model_is_the_sdks_own_error,
    test_letters_of_all_kinds_survive,
)
from tests.gateway import Gateway
from tests.standin.cloud import StandIn
from tests.standin.script import Script
from tests.standin.vectors import vector

__all__ = [
    "test_a_question_is_answered",
    "test_a_stream_is_the_same_answer",
    "test_a_tool_is_called",
    "test_an_answer_that_is_cut_at_the_limit_says_so",
    "test_an_unknown_model_is_the_sdks_own_error",
    "test_letters_of_all_kinds_survive",
]

CLASSES = {
    400: "BadRequestError",
    401: "AuthenticationError",
    404: "NotFoundError",
    429: "RateLimitError",
    500: "InternalServerError",
    503: "ServiceUnavailableError",
}
"""LiteLLM's classes, by status."""


@pytest.fixture(scope="module")
def process() -> Iterator[Process]:
    """LiteLLM in its own environment; the tests skip where there is none."""
    process = Process()
    yield process
    process.close()


@pytest.fixture(scope="module", params=ADDRESSES)
def sdk(request: pytest.FixtureRequest, process: Process, every_gateway: Gateway) -> LiteLLM:
    """LiteLLM with each prefix."""
    return LiteLLM(process, request.param, every_gateway.url, every_gateway.admin_key)


@pytest.fixture(params=["openai", "anthropic", "gemini-3", "bedrock", "mistral", "ollama"])
def place(request: pytest.FixtureRequest, clouds: dict[str, StandIn]) -> Iterator[Place]:
    """Providers of as many wires. A request that breaks its rules fails the test."""
    cloud = clouds[request.param]
    cloud.reset()
    yield Place(f"{request.param}/{PROVIDERS[request.param].model}", cloud)
    assert cloud.take_violations() == []


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_failure_is_of_litellms_own_class(sdk: LiteLLM, place: Place, status: int) -> None:
    marker = place.cloud.script(Script(status=status, message="it is broken"))
    with pytest.raises(LiteLLMError) as caught:
        sdk.ask(place.model, marker)
    assert (caught.value.status, caught.value.name) in classes(sdk, status, caught.value.message)
    assert place.cloud.key not in caught.value.message


def test_a_key_that_is_refused_is_of_litellms_own_class(process: Process, sdk: LiteLLM, every_gateway: Gateway) -> None:
    stranger = LiteLLM(process, sdk.prefix, every_gateway.url, "sk-kw-nobody")
    with pytest.raises(LiteLLMError) as caught:
        stranger.ask("openai/gpt-4o", "hello")
    assert (caught.value.status, caught.value.name) in classes(sdk, 401, caught.value.message)


def test_the_results_of_tools_reach_the_provider(sdk: LiteLLM, place: Place) -> None:
    if sdk.prefix == "ollama_chat" and place.model.startswith("ollama/"):
        pytest.skip("LiteLLM does not tell Ollama of which tool a result is, and its words pass as they are")
    said = sdk.ask(place.model, "use all tools", tools=("weather", "clock"))
    again = sdk.answered(place.model, "use all tools", said, ("it is cold", "it is late"))
    if sdk.prefix == "gemini":  # to which it gives results as `{"content": …}`
        assert re.sub(r"\s", "", again.text) == 'Thetoolsaid:{"content":"itiscold"}and{"content":"itislate"}'
    else:
        assert again.text == "The tool said: it is cold and it is late"


def test_a_stream_that_breaks_is_an_error_too(sdk: LiteLLM, place: Place) -> None:
    if sdk.prefix == "mistral" and place.model.startswith("mistral/"):
        pytest.skip("LiteLLM does not understand Mistral's own error within a stream")
    marker = place.cloud.script(Script(words=20, fault="error_event", after=5))
    with pytest.raises(FailedError):
        sdk.stream(place.model, marker)


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_parallel_calls_stay_apart(sdk: LiteLLM, place: Place, streamed: bool) -> None:
    if streamed and sdk.prefix == "ollama_chat":
        pytest.skip("LiteLLM takes two calls in a stream of Ollama's for one")
    ask = sdk.stream if streamed else sdk.ask
    said = ask(place.model, "use all tools", tools=("weather", "clock"))
    assert said.calls == (("weather", {"city": "word"}), ("clock", {"zone": "word"}))


def test_a_stream_comes_in_pieces(sdk: LiteLLM, place: Place) -> None:
    messages = [{"role": "user", "content": "one two three four five six seven"}]
    answer = sdk.call("completion", place.model, messages=messages, max_tokens=200, stream=True)
    assert answer["chunks"] > 5


@pytest.mark.parametrize(
    ("name", "length"),
    [
        ("openai/text-embedding-3-small", 1536),
        ("cohere/embed-v4.0", 1536),
        ("gemini/gemini-embedding-001", 3072),
        ("ollama/nomic-embed-text", 768),
    ],
)
def test_texts_have_vectors(
    process: Process, every_gateway: Gateway, clouds: dict[str, StandIn], name: str, length: int
) -> None:
    cloud = clouds[name.partition("/")[0]]
    cloud.reset()
    sdk = LiteLLM(process, "openai", every_gateway.url, every_gateway.admin_key)
    answer = sdk.call("embedding", name, input=["one text", "two"], encoding_format="float")
    found = [item["embedding"] for item in answer["data"]]
    for text, each in zip(["one text", "two"], found, strict=True):
        assert each == pytest.approx(vector(text, length), abs=1e-6)
    assert answer["usage"]["prompt_tokens"] == 3
    assert cloud.take_violations() == []


@pytest.fixture(params=["openai", "anthropic"])
def frequent(request: pytest.FixtureRequest, process: Process, every_gateway: Gateway) -> LiteLLM:
    """The prefixes under which LiteLLM hands on most of what it is told, whatever the model."""
    return LiteLLM(process, request.param, every_gateway.url, every_gateway.admin_key)


def test_an_answer_is_of_a_schema(frequent: LiteLLM, place: Place) -> None:
    if frequent.prefix == "anthropic" and place.model.startswith("anthropic/"):
        pytest.skip("LiteLLM asks it in the words of a beta, which pass as they are")
    form = {"type": "json_schema", "json_schema": {"name": "city", "schema": CITY_SCHEMA, "strict": True}}
    said = frequent.said(place.model, [{"role": "user", "content": "a city"}], max_tokens=100, response_format=form)
    assert json.loads(said.text) == {"name": "word", "people": 7}


def test_a_picture_is_seen(frequent: LiteLLM, place: Place) -> None:
    if place.model.startswith("ollama/"):
        pytest.skip("that model sees no pictures")
    picture = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PIXEL}"}}
    user = {"role": "user", "content": [{"type": "text", "text": "look"}, picture]}
    said = frequent.said(place.model, [{"role": "system", "content": "be kind"}, user], max_tokens=100)
    assert said.text == "I see 1 image(s) and 0 document(s)"


def test_stop_sequences_hold(frequent: LiteLLM, place: Place) -> None:
    asked = [{"role": "user", "content": "one two three four"}]
    said = frequent.said(place.model, asked, max_tokens=100, stop=["three"])
    assert said.text.strip() == "You said: one two"


ALSO: dict[tuple[str, int], tuple[int, str]] = {
    ("anthropic", 503): (500, "InternalServerError"),
    ("bedrock/converse", 500): (503, "ServiceUnavailableError"),
    ("mistral", 404): (404, "BadRequestError"),
}
"""What LiteLLM makes of some failures by their words: of overload, of `InternalServerException`, of an error's type."""


def classes(sdk: LiteLLM, status: int, message: str) -> set[tuple[int, str]]:
    """What LiteLLM may make of `status`. Of Gemini's it makes a 403 where a "403" stands, as in an id."""
    usual = (status, CLASSES[status])
    by_chance = {(403, "BadRequestError")} if sdk.prefix == "gemini" and "403" in message else set()
    return {usual, ALSO.get((sdk.prefix, status), usual)} | by_chance
