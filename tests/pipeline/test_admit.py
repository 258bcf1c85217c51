"""What a key may do: endpoints, addresses and models."""

from ipaddress import ip_network

from keywright.core.identity import NOBODY, Key
from keywright.core.json import JsonObject
from keywright.pipeline.admit import require_one_model
from keywright.policy.grant import grant_of
from tests.gateway import CHAT, MESSAGES, Gateway, Start, chat_body, message_body
from tests.standin.cloud import StandIn


def test_a_read_only_key_lists_models_and_asks_none(gateway: Gateway) -> None:
    key = gateway.issue(permission="read_only")
    assert gateway.get("/v1/models", key).status == 200
    for answer in (gateway.chat(key=key), gateway.message(key=key)):
        assert answer.status == 403
        entry = gateway.entry(answer.request_id)
        assert (entry.outcome, entry.code, entry.decision) == (
            "refused",
            "endpoint_not_allowed",
            "key:permission",
        )
        assert (entry.attempts, entry.cost_picodollars) == ((), 0)


def test_a_restricted_key_calls_what_it_names(gateway: Gateway) -> None:
    chatting = gateway.issue(permission="restricted", endpoints=("chat",))
    assert gateway.chat(key=chatting).status == 200
    assert gateway.get("/v1/models", chatting).status == 403
    listing = gateway.issue(permission="restricted", endpoints=("models",))
    assert gateway.chat(key=listing).code == "endpoint_not_allowed"
    assert gateway.get("/v1/models", listing).status == 200


def test_a_key_is_refused_from_an_address_outside_its_networks(gateway: Gateway) -> None:
    inside = gateway.issue(cidrs=(ip_network("127.0.0.0/8"),))
    outside = gateway.issue(cidrs=(ip_network("10.0.0.0/8"), ip_network("::1/128")))
    assert gateway.chat(key=inside).status == 200
    answer = gateway.chat(key=outside)
    assert (answer.status, answer.code) == (403, "address_not_allowed")
    assert gateway.get("/v1/models", outside).status == 403


def test_no_header_lends_an_address(gateway: Gateway) -> None:
    key = gateway.issue(cidrs=(ip_network("10.0.0.0/8"),))
    lent = {"x_forwarded_for": "10.0.0.1", "x_real_ip": "10.0.0.1", "forwarded": "for=10.0.0.1"}
    assert gateway.post(CHAT, chat_body(), key, **lent).status == 403
    assert gateway.get("/v1/models", key, **lent).status == 403


def test_a_key_may_name_a_model_at_its_provider(gateway: Gateway, openai_cloud: StandIn) -> None:
    key = gateway.issue(models=("openai/gpt-4o*",))
    assert gateway.chat("openai/gpt-4o-mini", key=key).status == 200
    assert gateway.chat("gpt-4o", key=key).status == 200, "a bare name is the model that it stands for"
    answer = gateway.chat("openai/gpt-5-mini", key=key)
    assert (answer.status, answer.code) == (403, "model_not_allowed")
    assert "openai/gpt-5-mini" in answer.message
    assert len(openai_cloud.exchanges) == 2


def test_an_alias_may_be_allowed_by_its_name(gateway: Gateway) -> None:
    answer = gateway.chat("careful", key=gateway.issue(models=("careful",)))
    assert answer.status == 200
    assert answer.headers["x-keywright-model"] == "anthropic/claude-opus-4-5"


def test_an_alias_that_is_not_named_leads_only_to_models_that_are(gateway: Gateway) -> None:
    key = gateway.issue(models=("openai/*",))
    answer = gateway.chat("careful", key=key)
    assert answer.headers["x-keywright-model"] == "openai/gpt-4o", "the first candidate is not the key's to use"
    assert gateway.entry(answer.request_id).decision == "key:models"
    other = gateway.issue(models=("anthropic/claude-haiku*",))
    assert gateway.chat("careful", key=other).code == "model_not_allowed"


def test_a_model_that_the_key_may_not_use_is_not_told_from_one_that_does_not_exist(gateway: Gateway) -> None:
    key = gateway.issue(models=("openai/*",))
    there, nowhere = gateway.chat("anthropic/claude-opus-4-5", key=key), gateway.chat("anthropic/nothing", key=key)
    assert (there.status, there.code) == (nowhere.status, nowhere.code) == (403, "model_not_allowed")


def test_a_refusal_is_in_the_client_s_own_dialect(gateway: Gateway) -> None:
    key = gateway.issue(models=("none",))
    chat = gateway.chat(key=key)
    assert chat.json["error"]["code"] == "model_not_allowed"
    message = gateway.post(MESSAGES, message_body(), key)
    assert message.json["error"]["type"] == "permission_error"
    assert message.code == "model_not_allowed"


def test_a_key_for_one_provider_does_not_come_to_another_by_a_bare_name_with_a_slash(
    start: Start, openai_cloud: StandIn
) -> None:
    gateway = start(f"""
[providers.router]
kind = "openrouter"
base_url = "{openai_cloud.base_url}"
api_key = "env:STANDIN_OPENAI"
""")
    name = "google/gemini-2.5-flash"
    assert gateway.chat(name).headers["x-keywright-model"] == f"router/{name}"
    answer = gateway.chat(name, key=gateway.issue(models=("google/*",)))
    assert (answer.status, answer.code) == (403, "model_not_allowed")
    assert gateway.chat(name, key=gateway.issue(models=("router/google/*",))).status == 200
    assert gateway.chat("google/nothing", key=gateway.issue(models=("google/*",))).code == "model_not_found"


def test_a_key_or_a_provider_for_certain_models_lets_a_request_name_no_others(
    start: Start, openai_cloud: StandIn
) -> None:
    url, model = openai_cloud.base_url, "google/gemini-2.5-flash"
    kind = f'kind = "openrouter"\nbase_url = "{url}"\napi_key = "env:STANDIN_OPENAI"\n'
    gateway = start(f'[providers.router]\n{kind}[providers.narrow]\n{kind}models = ["{model}"]\n')
    key = gateway.issue(models=(f"router/{model}",))
    bodies: tuple[JsonObject, ...] = ({"models": ["x/y"]}, {"fallbacks": [{"model": "x"}]}, {"preset": "mine"})
    for body in bodies:
        for provider, whose in (("router", key), ("narrow", None)):
            answer = gateway.post(CHAT, {**chat_body(f"{provider}/{model}"), **body}, whose)
            assert (answer.status, answer.code) == (403, "model_not_allowed")
            native = gateway.post(f"/native/{provider}/chat/completions", {**chat_body(model), **body}, whose)
            assert native.code == "model_not_allowed"
    assert openai_cloud.exchanges == []
    assert gateway.chat(f"router/{model}", key=key).status == 200
    anyone = Key(id="x", kind="user", name="x", sha256=b"", created_s=0)
    targets = gateway.house.app.edge.desk.snapshot().routes.find(f"router/{model}")
    require_one_model(grant_of(anyone, {}, NOBODY), targets, b'{"models":["x/y"]}')
