"""Health and metrics: read without a key, and true."""

from prometheus_client.parser import text_string_to_metric_families

from tests.gateway import CHAT, Gateway, Start, chat_body
from tests.standin.cloud import StandIn
from tests.standin.script import Script


def samples(gateway: Gateway) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample on the page, by its name and labels."""
    answer = gateway.get("/metrics")
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    families = list(text_string_to_metric_families(answer.body.decode()))
    assert all(family.documentation for family in families)
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_a_gateway_that_serves_is_live_and_ready(gateway: Gateway) -> None:
    assert gateway.get("/health/live").json == {"status": "live"}
    assert gateway.get("/health/ready").json == {"status": "ready"}


def test_a_gateway_that_is_stopping_is_live_and_not_ready(start: Start) -> None:
    gateway = start()
    gateway.house.stopping = True
    assert gateway.get("/health/live").status == 200
    answer = gateway.get("/health/ready")
    assert (answer.status, answer.json) == (503, {"status": "not ready", "why": "shutting down"})


def test_the_metrics_say_what_passed_through(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    answers = [gateway.chat(), gateway.chat(), gateway.chat("nothing"), gateway.chat(key="sk-x")]
    cost = sum(float(answer.headers.get("x-keywright-cost-usd", "0")) for answer in answers)
    tokens = answers[0].json["usage"]["prompt_tokens"] * 2
    gateway.entry(answers[0].request_id)
    found = samples(gateway)
    labels = (("model", "openai/gpt-4o"), ("outcome", "ok"), ("provider", "openai"))
    assert found["keywright_calls_total", labels] == 2
    assert found["keywright_calls_total", (("model", ""), ("outcome", "refused"), ("provider", ""))] == 1
    assert found["keywright_unauthenticated_total", (("code", "invalid_api_key"),)] == 1
    assert abs(found["keywright_cost_usd_total", labels] - cost) < 1e-12
    assert found["keywright_tokens_total", (("direction", "input"), *labels)] == tokens
    assert found["keywright_overhead_seconds_count", ()] == found["keywright_call_seconds_count", ()] == 2
    assert 0 < found["keywright_overhead_seconds_sum", ()] <= found["keywright_call_seconds_sum", ()] < 5
    assert found["keywright_overhead_seconds_bucket", (("le", "+Inf"),)] == 2
    assert found["keywright_calls_running", ()] == 0
    assert found["keywright_ledger_written_total", ()] == 3


def test_a_running_call_is_counted_as_running(start: Start, openai_cloud: StandIn) -> None:
    gateway = start()
    with gateway.stream(CHAT, chat_body(text=openai_cloud.script(Script(words=50, pace_s=0.01)))) as stream:
        stream.piece()
        assert samples(gateway)["keywright_calls_running", ()] == 1
        stream.rest()
    assert samples(gateway)["keywright_calls_running", ()] == 0


def test_no_page_shows_a_key_or_an_address(gateway: Gateway, openai_cloud: StandIn) -> None:
    key = gateway.issue()
    gateway.chat(key=key)
    for path in ("/metrics", "/health/ready", "/health/live", "/nowhere"):
        text = gateway.get(path).body.decode()
        for secret in (key, gateway.admin_key, openai_cloud.key, openai_cloud.base_url):
            assert secret not in text
