"""What SDKs say and hear beside the bodies: headers, model lists, fields of tomorrow, both edges, aliases."""

from decimal import Decimal

import anthropic
import openai
import pytest
from anthropic.types import MessageParam
from openai.types.chat import ChatCompletionMessageParam

from keywright.core.money import to_usd
from tests.conformance.sdk import TIMEOUT_S, Site
from tests.gateway import Gateway
from tests.standin.cloud import StandIn

ASKED: list[ChatCompletionMessageParam] = [{"role": "user", "content": "hello"}]
ASKED_OF_ANTHROPIC: list[MessageParam] = [{"role": "user", "content": "hello"}]


def test_headers_of_an_answer_to_openai(openai_sdk: openai.OpenAI, site: Site) -> None:
    raw = openai_sdk.chat.completions.with_raw_response.create(model=site.model, messages=ASKED)
    entry = site.settled()
    assert raw.headers["x-keywright-request-id"] == entry.id
    assert raw.headers["x-keywright-model"] == entry.served == site.model
    assert raw.headers["x-keywright-attempts"] == "1"
    assert raw.headers["x-keywright-cost-usd"] == to_usd(entry.cost_picodollars)
    assert Decimal(raw.headers["x-keywright-cost-usd"]) > 0
    assert "x-keywright-loss" not in raw.headers
    assert raw.headers["content-type"] == "application/json"
    answer = raw.parse()
    assert answer.choices[0].message.content == "You said: hello"
    # The provider's own name for the call is what OpenAI's support asks for.
    assert (raw.request_id is not None) == (site.wire == "openai")
    assert answer._request_id == raw.request_id  # the SDK's documented attribute


def test_headers_of_an_answer_to_anthropic(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    raw = anthropic_sdk.messages.with_raw_response.create(model=site.model, max_tokens=64, messages=ASKED_OF_ANTHROPIC)
    entry = site.settled()
    assert raw.headers["x-keywright-request-id"] == entry.id
    assert raw.headers["x-keywright-model"] == site.model
    assert raw.headers["x-keywright-cost-usd"] == to_usd(entry.cost_picodollars)
    assert raw.parse().stop_reason == "end_turn"


def test_headers_of_a_stream(openai_sdk: openai.OpenAI, site: Site) -> None:
    with openai_sdk.chat.completions.with_streaming_response.create(
        model=site.model, messages=ASKED, stream=True
    ) as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-keywright-model"] == site.model
        assert "x-keywright-cost-usd" not in response.headers
        assert [line for line in response.iter_lines() if line][-1] == "data: [DONE]"
    site.settled()


def test_losses_are_in_the_head_of_a_stream(openai_sdk: openai.OpenAI, anthropic_site: Site) -> None:
    list(openai_sdk.chat.completions.create(model=anthropic_site.model, messages=ASKED, stream=True, seed=1))
    assert anthropic_site.losses == "seed: the Messages API has no such knob"
    anthropic_site.settled()


def test_tags_are_kept_with_the_call(openai_sdk: openai.OpenAI, site: Site) -> None:
    openai_sdk.chat.completions.create(
        model=site.model, messages=ASKED, extra_headers={"x-keywright-tags": "team=blue,job=7"}
    )
    assert site.settled().tags == (("team", "blue"), ("job", "7"))
    assert not any(name.startswith("x-keywright") for name in site.cloud.last.headers)


def test_no_key_of_the_gateways_reaches_a_provider(
    openai_sdk: openai.OpenAI, anthropic_sdk: anthropic.Anthropic, site: Site
) -> None:
    openai_sdk.chat.completions.create(model=site.model, messages=ASKED)
    anthropic_sdk.messages.create(model=site.model, max_tokens=64, messages=ASKED_OF_ANTHROPIC)
    for exchange in site.cloud.exchanges:
        assert site.gateway.admin_key not in str(exchange.headers)
        assert not any(name.startswith("x-stainless") for name in exchange.headers)


def test_anthropics_version_and_betas_are_passed_on(anthropic_sdk: anthropic.Anthropic, anthropic_site: Site) -> None:
    anthropic_sdk.messages.create(
        model=anthropic_site.model,
        max_tokens=64,
        messages=ASKED_OF_ANTHROPIC,
        extra_headers={"anthropic-beta": "something-2026-01-01"},
    )
    headers = anthropic_site.cloud.last.headers
    assert headers["anthropic-version"] == "2026-10-21"
    assert headers["anthropic-beta"] == "something-2026-01-01"
    anthropic_site.settled()


def test_the_beta_face_of_anthropics_sdk(anthropic_sdk: anthropic.Anthropic, site: Site) -> None:
    answer = anthropic_sdk.beta.messages.create(
        model=site.model, max_tokens=64, messages=[{"role": "user", "content": "hello"}], betas=["some-2026-01-01"]
    )
    assert [block.text for block in answer.content if block.type == "text"] == ["You said: hello"]
    if site.wire == "anthropic":
        assert site.cloud.last.headers["anthropic-beta"] == "some-2026-01-01"
    site.settled()


def test_the_body_reaches_the_same_dialect_as_the_client_wrote_it(openai_sdk: openai.OpenAI, openai_site: Site) -> None:
    """Only the model's name is another; a field of tomorrow is judged by the provider, not by the gateway."""
    with pytest.raises(openai.BadRequestError, match="field_of_tomorrow"):
        openai_sdk.chat.completions.create(
            model=openai_site.model, messages=ASKED, extra_body={"field_of_tomorrow": {"deep": [1, None]}}
        )
    body = openai_site.cloud.last.body
    assert body == {"messages": ASKED, "model": "gpt-4o", "field_of_tomorrow": {"deep": [1, None]}}
    assert len(openai_site.cloud.take_violations()) == 1
    assert openai_site.entry().status == 400


def test_the_body_reaches_anthropic_as_the_client_wrote_it(
    anthropic_sdk: anthropic.Anthropic, anthropic_site: Site
) -> None:
    with pytest.raises(anthropic.BadRequestError, match="field_of_tomorrow"):
        anthropic_sdk.messages.create(
            model=anthropic_site.model,
            max_tokens=64,
            messages=ASKED_OF_ANTHROPIC,
            extra_body={"field_of_tomorrow": 1},
        )
    body = anthropic_site.cloud.last.body
    assert body == {
        "max_tokens": 64,
        "messages": ASKED_OF_ANTHROPIC,
        "model": "claude-opus-4-5",
        "field_of_tomorrow": 1,
    }
    assert len(anthropic_site.cloud.take_violations()) == 1


def test_a_field_of_tomorrow_is_reported_as_lost_elsewhere(
    openai_sdk: openai.OpenAI, anthropic_sdk: anthropic.Anthropic, openai_site: Site, anthropic_site: Site
) -> None:
    openai_sdk.chat.completions.create(model=anthropic_site.model, messages=ASKED, extra_body={"field_of_tomorrow": 1})
    assert anthropic_site.settled().losses == ("field_of_tomorrow",)
    anthropic_sdk.messages.create(
        model=openai_site.model, max_tokens=64, messages=ASKED_OF_ANTHROPIC, extra_body={"field_of_tomorrow": 1}
    )
    assert openai_site.settled().losses == ("field_of_tomorrow",)


def test_openai_lists_models(openai_sdk: openai.OpenAI, sites: dict[str, Site]) -> None:
    listed = {model.id: model for model in openai_sdk.models.list()}
    assert {"fast", "careful", *(site.model for site in sites.values())} <= listed.keys()
    assert listed["openai/gpt-4o"].object == "model"
    assert listed["openai/gpt-4o"].owned_by == "openai"
    assert isinstance(listed["openai/gpt-4o"].created, int)


def test_openai_retrieves_a_model(openai_sdk: openai.OpenAI, sites: dict[str, Site]) -> None:
    for name in ("fast", *(site.model for site in sites.values())):
        assert openai_sdk.models.retrieve(name).id == name
    with pytest.raises(openai.NotFoundError) as missing:
        openai_sdk.models.retrieve("openai/gpt-nothing")
    assert missing.value.code == "model_not_found"


def test_anthropic_lists_models(anthropic_sdk: anthropic.Anthropic, sites: dict[str, Site]) -> None:
    listed = {model.id: model for model in anthropic_sdk.models.list()}
    assert {"fast", "careful", *(site.model for site in sites.values())} <= listed.keys()
    assert listed["fast"].type == "model"
    assert listed["fast"].display_name
    assert listed["fast"].created_at.tzinfo is not None


def test_anthropic_retrieves_a_model(anthropic_sdk: anthropic.Anthropic, sites: dict[str, Site]) -> None:
    for name in ("fast", *(site.model for site in sites.values())):
        assert anthropic_sdk.models.retrieve(name).id == name
    with pytest.raises(anthropic.NotFoundError) as missing:
        anthropic_sdk.models.retrieve("anthropic/claude-nothing")
    assert missing.value.type == "not_found_error"


@pytest.mark.parametrize(
    ("alias", "served"), [("fast", "openai/gpt-4o-mini"), ("careful", "anthropic/claude-opus-4-5")]
)
def test_an_alias_leads_to_its_first_candidate(
    openai_sdk: openai.OpenAI, anthropic_sdk: anthropic.Anthropic, sites: dict[str, Site], alias: str, served: str
) -> None:
    site = sites[served.partition("/")[0]]
    assert openai_sdk.chat.completions.create(model=alias, messages=ASKED).choices[0].message.content
    assert (site.settled().model, site.settled().served) == (alias, served)
    assert anthropic_sdk.messages.create(model=alias, max_tokens=64, messages=ASKED_OF_ANTHROPIC).content
    assert (site.settled().model, site.settled().served) == (alias, served)


def test_bare_names_of_models_lead_to_their_makers(
    openai_sdk: openai.OpenAI, anthropic_sdk: anthropic.Anthropic, sites: dict[str, Site]
) -> None:
    openai_sdk.chat.completions.create(model="gpt-4o", messages=ASKED)
    assert sites["openai"].settled().served == "openai/gpt-4o"
    anthropic_sdk.messages.create(model="claude-opus-4-5", max_tokens=64, messages=ASKED_OF_ANTHROPIC)
    assert sites["anthropic"].settled().served == "anthropic/claude-opus-4-5"


def test_both_sdks_behind_each_edge_and_under_each_prefix(
    gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn
) -> None:
    with openai.OpenAI(
        base_url=f"{gateway.url}/openai/v1", api_key=gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as chat:
        for model in ("openai/gpt-4o", "anthropic/claude-opus-4-5"):
            assert chat.chat.completions.create(model=model, messages=ASKED).choices[0].message.content
            chunks = list(chat.chat.completions.create(model=model, messages=ASKED, stream=True))
            assert chunks[-1].choices[0].finish_reason == "stop"
        assert chat.models.retrieve("fast").id == "fast"
    with anthropic.Anthropic(
        base_url=f"{gateway.url}/anthropic", api_key=gateway.admin_key, max_retries=0, timeout=TIMEOUT_S
    ) as messages:
        for model in ("openai/gpt-4o", "anthropic/claude-opus-4-5"):
            answer = messages.messages.create(model=model, max_tokens=64, messages=ASKED_OF_ANTHROPIC)
            assert answer.stop_reason == "end_turn"
            with messages.messages.stream(model=model, max_tokens=64, messages=ASKED_OF_ANTHROPIC) as stream:
                assert stream.get_final_message().stop_reason == "end_turn"
        assert messages.models.retrieve("fast").id == "fast"
    assert [exchange.outcome for exchange in openai_cloud.exchanges] == ["complete"] * 4
    assert [exchange.outcome for exchange in anthropic_cloud.exchanges] == ["complete"] * 4
