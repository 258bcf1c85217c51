"""A conversation that one provider began goes on with another: ids, signatures and thoughts are no hindrance."""

import pytest

from tests.conformance.sdks.conftest import PROVIDERS, Place
from tests.conformance.sdks.sdk import Sdk
from tests.standin.cloud import StandIn
from tests.standin.script import Call, Script

CALLS = (Call("weather", {"city": "Oslo"}), Call("clock", {"zone": "UTC"}))
AS_IT_IS = {("google-genai", "gemini-3")}
"""Clients whose history goes to their own provider byte for byte, which refuses calls that it has not signed."""


@pytest.mark.parametrize("first", ["anthropic", "gemini-3", "bedrock", "cohere"])
def test_what_one_provider_called_is_answered_to_another(
    request: pytest.FixtureRequest, sdk: Sdk, place: Place, clouds: dict[str, StandIn], first: str
) -> None:
    provider = place.model.partition("/")[0]
    if (request.node.callspec.params["sdk"], provider) in AS_IT_IS and provider != first:
        pytest.skip("its history passes as it is")
    beginning = clouds[first]
    marker = beginning.script(Script(text="let me see", thinking="one step", calls=CALLS))
    said = sdk.ask(f"{first}/{PROVIDERS[first].model}", marker, tools=("weather", "clock"))
    assert [name for name, _ in said.calls] == ["weather", "clock"]
    again = sdk.answered(place.model, "use all tools", said, ("it is cold", "it is late"))
    assert again.text == "The tool said: it is cold and it is late"
    if beginning is not place.cloud:
        assert beginning.take_violations() == []
