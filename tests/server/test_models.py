"""`GET /v1/models`."""

from tests.gateway import Gateway


def test_a_key_sees_every_model(gateway: Gateway) -> None:
    names = [row["id"] for row in gateway.get("/v1/models", gateway.admin_key).json["data"]]
    assert names[:2] == ["fast", "careful"]
    assert "openai/gpt-4o" in names
    assert gateway.message().status == 200
    for answer in (
        gateway.message(),
        gateway.chat(),
        gateway.chat("anthropic/claude-haiku-4-5"),
        gateway.message("gpt-4o"),
    ):
        assert answer.status == 200, answer.body
        entry = gateway.entry(answer.request_id)
        assert entry.outcome == "ok"
        assert entry in gateway.entries()
