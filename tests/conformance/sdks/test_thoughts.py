"""What a provider signed comes back to it through unmodified SDKs that send their history back as they got it.

The stand-ins refuse a signature that they have not made.
"""

import json

import pytest

from tests.conformance.sdks.conftest import Place
from tests.conformance.sdks.sdk import Sdk
from tests.standin.gemini_rules import UNSIGNED
from tests.standin.reply import sign
from tests.standin.script import Call, Script

THOUGHT = "one step and another step"
KEEPERS = ("anthropic", "google-genai", "openai", "openai-responses", "boto3")
"""SDKs whose history has a place for signed thoughts."""

SIGNERS = ("anthropic", "gemini-3", "bedrock")
"""Providers that sign."""


@pytest.mark.parametrize("streamed", [False, True], ids=["whole", "stream"])
@pytest.mark.parametrize("place", SIGNERS, indirect=True)
@pytest.mark.parametrize("sdk", KEEPERS, indirect=True)
def test_what_was_signed_comes_back_with_the_results_of_tools(sdk: Sdk, place: Place, streamed: bool) -> None:
    comes_back(sdk, place, streamed=streamed)


@pytest.mark.parametrize("place", ["anthropic", "bedrock"], indirect=True)
@pytest.mark.parametrize("sdk", ["mistralai"], indirect=True)
def test_mistrals_sdk_sends_back_what_was_signed_and_has_words(sdk: Sdk, place: Place) -> None:
    comes_back(sdk, place, streamed=False)


def comes_back(sdk: Sdk, place: Place, *, streamed: bool) -> None:
    """Ask for a call with a thought, answer the call, and look for the signature in what the provider was sent."""
    marker = place.cloud.script(Script(thinking=THOUGHT, calls=(Call("clock", {"zone": "UTC"}),)))
    said = (sdk.stream if streamed else sdk.ask)(place.model, marker, tools=("clock",))
    assert said.calls == (("clock", {"zone": "UTC"}),)
    assert sdk.answered(place.model, marker, said, ("noon",)).text == "The tool said: noon"
    told = json.dumps(place.cloud.last.body)
    if place.model.startswith("gemini-3"):
        assert "thoughtSignature" in told
        assert not any(value in told for value in UNSIGNED)
    else:
        assert sign(THOUGHT) in told
