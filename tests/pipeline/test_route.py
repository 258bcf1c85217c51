"""Where a name leads: providers, bare names, aliases, unknown and hostile names, own prices."""

import pytest

from keywright.core.money import from_usd, to_usd
from tests.gateway import CHAT, Gateway, Start, chat_body
from tests.standin.cloud import StandIn


@pytest.mark.parametrize(
    ("name", "served"),
    [
        ("openai/gpt-4o", "openai/gpt-4o"),
        ("gpt-4o", "openai/gpt-4o"),
        ("anthropic/claude-haiku-4-5", "anthropic/claude-haiku-4-5"),
        ("claude-haiku-4-5", "anthropic/claude-haiku-4-5"),
        ("fast", "openai/gpt-4o-mini"),
        ("careful", "anthropic/claude-opus-4-5"),
    ],
)
def test_a_name_leads_to_its_model(gateway: Gateway, name: str, served: str) -> None:
    answer = gateway.chat(name)
    assert answer.status == 200
    assert answer.headers["x-keywright-model"] == served
    entry = gateway.entry(answer.request_id)
    assert (entry.model, entry.served, entry.provider) == (name, served, served.partition("/")[0])


def test_the_provider_hears_its_own_name_of_the_model(gateway: Gateway, anthropic_cloud: StandIn) -> None:
    gateway.message("careful")
    assert anthropic_cloud.last.body["model"] == "claude-opus-4-5"


def test_an_unknown_model_is_404_with_the_nearest_names(gateway: Gateway, openai_cloud: StandIn) -> None:
    answer = gateway.chat("openai/gpt-4p")
    assert (answer.status, answer.code) == (404, "model_not_found")
    assert "openai/gpt-4o" in answer.message
    assert answer.json["error"]["param"] == "model"
    assert gateway.entry(answer.request_id).decision == "route:unknown_model"
    assert openai_cloud.exchanges == []


def test_the_nearest_names_are_those_that_the_key_may_use(gateway: Gateway) -> None:
    key = gateway.issue(models=("openai/gpt-4o-mini", "openai/gpt-4o-minj"))
    message = gateway.chat("openai/gpt-4o-minj", key=key).message
    assert "openai/gpt-4o-mini" in message
    assert "gpt-4o," not in message
    assert "gpt-4.1" not in message


@pytest.mark.parametrize(
    "name",
    [
        "openai/../anthropic/x",
        "openai/%2e%2e%2fx",
        "openai%2Fgpt-4o",
        "openai/",
        "/gpt-4o",
        "//",
        "openai//gpt-4o",
        "openai/gpt-4o\r\nx: y",
        "gpt-4o\x00",
        "gpt-4o ",
        "openai/gpt-4o?alt=sse",
        "\uff47\uff50\uff54-4o",
        "x" * 257,
    ],
)
def test_a_hostile_name_leads_nowhere(gateway: Gateway, openai_cloud: StandIn, name: str) -> None:
    answer = gateway.chat(name)
    assert answer.status in (400, 404), answer.body
    assert gateway.entry(answer.request_id).outcome == "refused"
    assert openai_cloud.exchanges == []
    assert gateway.chat().status == 200


def test_a_megabyte_of_name_costs_nobody_a_second(gateway: Gateway) -> None:
    answer = gateway.chat("x" * 1_000_000)
    assert answer.status in (400, 404)
    assert len(answer.body) < 2000
    entry = gateway.entry(answer.request_id)
    assert entry.total_us < 500_000
    assert len(entry.model) < 2000


def test_a_name_stays_text_where_the_provider_s_models_are_not_known(start: Start, openai_cloud: StandIn) -> None:
    gateway = start(
        '[providers.edge]\nkind = "openai-compatible"\napi_key = "env:STANDIN_OPENAI"\n'
        f'base_url = "{openai_cloud.base_url}"'
    )
    name = "edge/../v1/files?x=\r\ny: z\n\x00ü"
    answer = gateway.chat(name)
    assert answer.status == 200
    assert openai_cloud.last.path == "/v1/chat/completions"
    assert openai_cloud.last.body["model"] == name.removeprefix("edge/")
    assert "y" not in openai_cloud.last.headers
    assert answer.headers["x-keywright-model"] == "edge/../v1/files?x=??y:?z???"
    kept = name.replace("\x00", "\ufffd")  # no database keeps a NUL in a text
    assert gateway.entry(answer.request_id).served == kept
    assert gateway.get("/metrics").status == 200


EDGE = """
[providers.edge]
kind = "openai-compatible"
api_key = "env:STANDIN_OPENAI"
base_url = "{url}"
models = ["small-*", "exact", "anthropic/*"]
[[prices]]
model = "edge/small-one"
input = "1.5"
output = "7.25"
[models.own]
route = ["edge/small-one", "edge/never"]
[models.declared]
route = ["openai/gpt-99-of-tomorrow"]
[models.gpt-4o]
route = ["edge/exact"]
"""


@pytest.fixture
def edge(start: Start, openai_cloud: StandIn) -> Gateway:
    return start(EDGE.format(url=openai_cloud.base_url))


def test_a_provider_serves_the_models_of_its_globs_only(edge: Gateway, openai_cloud: StandIn) -> None:
    assert edge.chat("edge/small-two").status == 200
    assert edge.chat("edge/exact").status == 200
    assert edge.chat("edge/anthropic/claude").status == 200
    assert openai_cloud.last.body["model"] == "anthropic/claude"
    assert edge.chat("edge/large").status == 404
    assert edge.chat("own").headers["x-keywright-model"] == "edge/small-one"


def test_a_model_that_the_operator_names_needs_no_catalogue(edge: Gateway, openai_cloud: StandIn) -> None:
    assert edge.chat("declared").status == 200
    assert openai_cloud.last.body["model"] == "gpt-99-of-tomorrow"
    assert edge.chat("openai/gpt-99-of-tomorrow").status == 200
    assert edge.chat("openai/gpt-98").status == 404


def test_an_alias_wins_over_a_bare_name(edge: Gateway) -> None:
    assert edge.chat("gpt-4o").headers["x-keywright-model"] == "edge/exact"


def test_an_own_price_is_what_is_charged(edge: Gateway) -> None:
    answer = edge.chat("own", text="one two three")
    usage = answer.json["usage"]
    price = usage["prompt_tokens"] * from_usd("0.0000015") + usage["completion_tokens"] * from_usd("0.00000725")
    assert price > 0
    assert answer.headers["x-keywright-cost-usd"] == to_usd(price)
    entry = edge.entry(answer.request_id)
    assert entry.cost_picodollars == price
    assert entry.price


def test_a_model_without_a_price_costs_nothing_and_says_so(edge: Gateway) -> None:
    answer = edge.chat("edge/exact")
    entry = edge.entry(answer.request_id)
    assert (entry.cost_picodollars, entry.price) == (0, "")
    assert entry.usage.input > 0
    assert entry.usage_source == "provider"


def test_the_list_shows_aliases_and_literal_models(edge: Gateway) -> None:
    names = [row["id"] for row in edge.get("/v1/models", edge.admin_key).json["data"]]
    assert {"own", "declared", "edge/exact"} <= set(names)
    assert len(names) == len(set(names))


def test_two_keys_of_one_provider_are_two_candidates(start: Start, openai_cloud: StandIn) -> None:
    gateway = start(
        '[providers.two]\nkind = "openai"\napi_key = ["env:KEYWRIGHT_ADMIN_KEY", "env:STANDIN_OPENAI"]\n'
        f'base_url = "{openai_cloud.base_url}"'
    )
    answer = gateway.chat("two/gpt-4o")
    assert answer.status == 200, "the provider refuses the first key"
    entry = gateway.entry(answer.request_id)
    assert [attempt.status for attempt in entry.attempts] == [401, 200]
    assert entry.attempts[0].credential != entry.attempts[1].credential == entry.credential
    assert answer.headers["x-keywright-attempts"] == "2"
    openai_cloud.take_violations()


def test_a_name_in_the_query_is_not_a_model(gateway: Gateway) -> None:
    assert gateway.post(f"{CHAT}?model=openai/gpt-4o", chat_body("nothing")).status == 404
