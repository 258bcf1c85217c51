"""Hugging Face's own client, unmodified, before the dialect of text generation (`stage`)."""

from collections.abc import Iterator

import pytest
from huggingface_hub import InferenceClient, TextGenerationOutput
from huggingface_hub.errors import OverloadedError, ValidationError

from keywright.core.failure import Failure
from keywright.core.message import Text
from keywright.core.request import JsonSchemaFormat
from keywright.core.response import Choice, Finish, Response
from keywright.core.usage import Usage
from keywright.dialects import tgi
from tests.conformance.stage import Stage, staged

ANSWER = Response("r", "far/away", (Choice((Text("It is "), Text("fine.")), Finish("length")),), Usage(5, 3))


@pytest.fixture
def stage() -> Iterator[Stage]:
    with staged({"/": tgi}, ANSWER) as server:
        yield server


@pytest.fixture
def client(stage: Stage) -> InferenceClient:
    return InferenceClient(model=f"{stage.url}/", token="none", timeout=10)


def test_a_text_and_its_details_are_read(client: InferenceClient, stage: Stage) -> None:
    assert client.text_generation("hi") == "It is fine."
    told = client.text_generation(  # type: ignore[call-overload]  # its documentation gives the grammar as a dict
        "hi",
        details=True,
        max_new_tokens=9,
        temperature=0.5,
        top_k=4,
        seed=7,
        stop=["x"],
        typical_p=0.5,
        grammar={"type": "json", "value": {"type": "object"}},
    )
    assert isinstance(told, TextGenerationOutput)
    assert told.details is not None
    assert (told.generated_text, told.details.finish_reason, told.details.generated_tokens) == (
        "It is fine.",
        "length",
        3,
    )
    asked = stage.asked[-1]
    assert (asked.output_tokens_max, asked.sampling.temperature, asked.sampling.top_k) == (9, 0.5, 4)
    assert (asked.sampling.seed, asked.stop, asked.format) == (7, ("x",), JsonSchemaFormat({"type": "object"}))
    assert asked.extras == {"tgi": {"parameters.details": True, "parameters.typical_p": 0.5}}


def test_a_stream_is_read_with_and_without_details(client: InferenceClient) -> None:
    assert "".join(client.text_generation("hi", stream=True)) == "It is fine."
    frames = list(client.text_generation("hi", stream=True, details=True))
    assert "".join(frame.token.text for frame in frames) == "It is fine."
    last = frames[-1]
    assert last.details is not None
    assert (last.generated_text, last.details.finish_reason, last.details.input_length) == ("It is fine.", "length", 5)


def test_errors_are_read(client: InferenceClient, stage: Stage) -> None:
    stage.breaks = True
    with pytest.raises(Exception, match="it broke off"):
        list(client.text_generation("hi", stream=True))
    stage.refusal = Failure("not_translatable", 422, "not_translatable", "no such thing")
    with pytest.raises(ValidationError, match="no such thing"):
        client.text_generation("hi")
    stage.refusal = Failure("overloaded", 424, "overloaded", "busy")
    with pytest.raises(OverloadedError, match="busy"):
        client.text_generation("hi")
