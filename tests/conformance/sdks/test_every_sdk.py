"""Every SDK, unmodified, towards every provider: text, streams, tools, limits and errors."""

import pytest

from tests.conformance.sdks.conftest import Place
from tests.conformance.sdks.sdk import FailedError, Said, Sdk
from tests.standin.script import Fault, Script

LIMIT_TOKENS = 20
"""No provider refuses it as too low."""


def test_a_question_is_answered(sdk: Sdk, place: Place) -> None:
    said = sdk.ask(place.model, "hello")
    assert said == Said("You said: hello", (), "stop", used(place))


def test_a_stream_is_the_same_answer(sdk: Sdk, place: Place) -> None:
    said = sdk.stream(place.model, "a longer question, in several words")
    assert said == Said("You said: a longer question, in several words", (), "stop", used(place))


def test_letters_of_all_kinds_survive(sdk: Sdk, place: Place) -> None:
    text = 'Zürich, 서울, "quoted" \\ back\nnext line, 🙂🇰🇷'
    for said in (sdk.ask(place.model, text), sdk.stream(place.model, text)):
        assert said.text == f"You said: {text}"


def test_an_answer_that_is_cut_at_the_limit_says_so(sdk: Sdk, place: Place) -> None:
    words = [str(number) for number in range(30)]
    said = sdk.ask(place.model, " ".join(words), tokens_max=LIMIT_TOKENS)
    assert (said.text, said.finish) == (" ".join(["You", "said:", *words[: LIMIT_TOKENS - 2]]), "length")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_a_tool_is_called(sdk: Sdk, place: Place, streamed: bool) -> None:
    ask = sdk.stream if streamed else sdk.ask
    said = ask(place.model, "use the tool", tools=("weather", "clock"))
    assert (said.calls, said.finish) == ((("weather", {"city": "word"}),), "tools")


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
def test_parallel_calls_stay_apart(sdk: Sdk, place: Place, streamed: bool) -> None:
    ask = sdk.stream if streamed else sdk.ask
    said = ask(place.model, "use all tools", tools=("weather", "clock"))
    assert said.calls == (("weather", {"city": "word"}), ("clock", {"zone": "word"}))


def test_the_results_of_tools_reach_the_provider_in_their_order(sdk: Sdk, place: Place) -> None:
    said = sdk.ask(place.model, "use all tools", tools=("weather", "clock"))
    again = sdk.answered(place.model, "use all tools", said, ("it is cold", "it is late"))
    assert again.text == "The tool said: it is cold and it is late"


@pytest.mark.parametrize("status", [400, 404, 429, 500, 503])
def test_a_providers_failure_is_the_sdks_own_error(sdk: Sdk, place: Place, status: int) -> None:
    marker = place.cloud.script(Script(status=status, message="it is broken"))
    with pytest.raises(FailedError) as caught:
        sdk.ask(place.model, marker)
    assert caught.value.status == status
    assert place.cloud.key not in caught.value.message


def test_a_stream_that_breaks_is_an_error_too(sdk: Sdk, place: Place) -> None:
    marker = place.cloud.script(Script(words=20, fault="error_event", after=5))
    with pytest.raises(FailedError):
        sdk.stream(place.model, marker)


@pytest.mark.parametrize("fault", ["cut", "reset", "malformed"])
def test_a_stream_that_does_not_end_is_no_whole_answer(sdk: Sdk, place: Place, fault: Fault) -> None:
    marker = place.cloud.script(Script(words=20, fault=fault, after=5), Script(text="well again"))
    with pytest.raises((FailedError, ValueError)):  # bytes that pass as they came are the SDK's own to misread
        sdk.stream(place.model, marker)
    assert sdk.stream(place.model, marker).text == "well again"


def test_an_unknown_model_is_the_sdks_own_error(sdk: Sdk) -> None:
    with pytest.raises(FailedError) as caught:
        sdk.ask("openai/gpt-nonsense", "hello")
    assert caught.value.status == 404


def used(place: Place) -> tuple[int, int]:
    """What the provider says that its last answer used."""
    assert place.cloud.wait_for(lambda: place.cloud.last.used is not None)
    used = place.cloud.last.used
    assert used is not None
    return (used.input + used.cache_read, used.output + used.reasoning)
