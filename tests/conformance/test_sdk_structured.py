"""Structured output through both SDKs, to both upstreams: parsed objects, raw schemas, streams, JSON mode."""

import json
from typing import Any

import anthropic
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

from tests.conformance.sdk import CITY_SCHEMA, Site
from tests.standin.script import Script


class Coast(BaseModel):
    """A part of a city, for a schema with references."""

    sea: str
    beaches: list[str]


class City(BaseModel):
    """What is asked for."""

    name: str
    people: int
    coast: Coast


CITY = City(name="word", people=7, coast=Coast(sea="word", beaches=["word"]))


def user(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


def schema_at(site: Site) -> dict[str, Any]:
    """The schema that the upstream was given last."""
    schema: dict[str, Any]
    if site.wire == "openai":
        schema = site.body["response_format"]["json_schema"]["schema"]
    else:
        schema = site.body["output_config"]["format"]["schema"]
    return schema


def test_openai_parses_an_object(openai_sdk: openai.OpenAI, site: Site) -> None:
    answer = openai_sdk.chat.completions.parse(model=site.model, messages=user("a city"), response_format=City)
    assert answer.choices[0].message.parsed == CITY
    assert set(schema_at(site)["properties"]) == {"name", "people", "coast"}
    assert site.losses == ""
    site.settled()


def test_openai_parses_a_stream(openai_sdk: openai.OpenAI, site: Site) -> None:
    with openai_sdk.chat.completions.stream(model=site.model, messages=user("a city"), response_format=City) as stream:
        events = list(stream)
        final = stream.get_final_completion()
    assert final.choices[0].message.parsed == CITY
    assert [event.parsed for event in events if event.type == "content.done"] == [CITY]
    site.settled()


def test_openai_takes_a_raw_schema(openai_sdk: openai.OpenAI, site: Site) -> None:
    answer = openai_sdk.chat.completions.create(
        model=site.model,
        messages=user("a city"),
        response_format={"type": "json_schema", "json_schema": {"name": "city", "schema": CITY_SCHEMA, "strict": True}},
    )
    assert json.loads(answer.choices[0].message.content or "") == {"name": "word", "people": 7}
    assert schema_at(site) == CITY_SCHEMA
    assert site.losses == ""
    site.settled()


def test_json_mode_is_refused_by_name_where_only_schemas_exist(openai_sdk: openai.OpenAI, site: Site) -> None:
    def ask() -> str | None:
        answer = openai_sdk.chat.completions.create(
            model=site.model, messages=user("json please"), response_format={"type": "json_object"}
        )
        return answer.choices[0].message.content

    if site.wire == "openai":
        assert ask() == "{}"
        site.settled()
        return
    with pytest.raises(openai.BadRequestError) as refused:
        ask()
    assert (refused.value.code, refused.value.param) == ("not_translatable", "response_format")
    assert site.cloud.exchanges == []
    assert site.entry().outcome == "refused"


def test_text_as_the_format_is_no_format(openai_sdk: openai.OpenAI, site: Site) -> None:
    answer = openai_sdk.chat.completions.create(
        model=site.model, messages=user("hello"), response_format={"type": "text"}
    )
    assert answer.choices[0].message.content == "You said: hello"
    assert "output_config" not in site.body
    assert site.losses == ""
    site.settled()


def test_openai_does_not_parse_an_answer_that_was_cut(openai_sdk: openai.OpenAI, site: Site) -> None:
    marker = site.cloud.script(Script(text='{"name": "Pa', finish="length"))
    with pytest.raises(openai.LengthFinishReasonError):
        openai_sdk.chat.completions.parse(model=site.model, messages=user(marker), response_format=City)
    site.settled()


def test_anthropic_parses_an_object(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    answer = anthropic_sdk.messages.parse(
        model=site.model, max_tokens=64, messages=[{"role": "user", "content": "a city"}], output_format=City
    )
    assert answer.parsed_output == CITY
    assert set(schema_at(site)["properties"]) == {"name", "people", "coast"}
    assert site.settled().losses == ()


def test_anthropic_parses_a_stream(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    with anthropic_sdk.messages.stream(
        model=site.model, max_tokens=64, messages=[{"role": "user", "content": "a city"}], output_format=City
    ) as stream:
        assert stream.get_final_message().parsed_output == CITY
    site.settled()


def test_anthropic_takes_a_raw_schema(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    answer = anthropic_sdk.messages.create(
        model=site.model,
        max_tokens=64,
        messages=[{"role": "user", "content": "a city"}],
        output_config={"format": {"type": "json_schema", "schema": CITY_SCHEMA}},
    )
    (block,) = answer.content
    assert block.type == "text"
    assert json.loads(block.text) == {"name": "word", "people": 7}
    assert schema_at(site) == CITY_SCHEMA
    assert site.settled().losses == ()
