"""The exact list of paths: what is not on it is 404, whatever it decodes to; and no Host header matters."""

import pytest

from keywright.core.json import encode
from tests.client import ask, post, raw, read_answer
from tests.gateway import CHAT, MESSAGES, Gateway, chat_body, message_body
from tests.standin.cloud import StandIn

BODY = encode(chat_body())


def request(gateway: Gateway, target: str, method: str = "POST", *headers: str) -> tuple[int, bytes]:
    """The answer to a request with that very target, and a key that may do anything."""
    key = f"authorization: Bearer {gateway.admin_key}"
    with raw(gateway.url) as sock:
        sock.sendall(post(target, BODY, key, *headers).replace(b"POST", method.encode(), 1))
        answer = read_answer(sock, head_only=method == "HEAD")
        return answer.status, answer.body


@pytest.mark.parametrize("path", [CHAT, f"/openai{CHAT}", f"{CHAT}?", f"{CHAT}?a=b&c=/v1/messages"])
def test_chat_is_served_at_its_paths(gateway: Gateway, path: str) -> None:
    assert request(gateway, path)[0] == 200


@pytest.mark.parametrize("path", [MESSAGES, f"/anthropic{MESSAGES}"])
def test_messages_are_served_at_their_paths(gateway: Gateway, path: str) -> None:
    assert gateway.post(path, message_body()).status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/v1/chat/completions/",
        "//v1/chat/completions",
        "/v1//chat/completions",
        "/v1/chat/completions;x=y",
        "/v1/chat/%63ompletions",
        "/v1/chat%2Fcompletions",
        "/%76%31/chat/completions",
        "/v1/./chat/completions",
        "/v1/x/../chat/completions",
        "/v1/x/%2e%2e/chat/completions",
        "/V1/chat/completions",
        "/v1/chat/completions%00",
        "/v1/chat/completions%20",
        "/v1/chat/completions%3Fa",
        "/v1/chat",
        "/v1/completion",
        "/openai/v1/messages",
        "/anthropic/v1/chat/completions",
        "/",
        "/v1",
        "/health",
        "/health/live/",
        "/health/../v1/chat/completions",
        "/metrics/x",
        "/api/keys",
    ],
)
def test_what_is_not_on_the_list_is_404(
    gateway: Gateway, openai_cloud: StandIn, anthropic_cloud: StandIn, target: str
) -> None:
    status, body = request(gateway, target)
    assert status == 404
    assert b"not_found" in body
    assert request(gateway, target, "GET")[0] == 404
    assert openai_cloud.exchanges == anthropic_cloud.exchanges == []


@pytest.mark.parametrize("target", ["v1/chat/completions", "*", "http://", "/v1/chat completions", "/\x01"])
def test_a_target_that_is_none_is_refused(gateway: Gateway, openai_cloud: StandIn, target: str) -> None:
    assert request(gateway, target)[0] in (400, 404)
    assert openai_cloud.exchanges == []


def test_the_absolute_form_means_its_path_whatever_host_it_names(gateway: Gateway, openai_cloud: StandIn) -> None:
    assert request(gateway, f"http://evil.example{CHAT}")[0] == 200
    assert openai_cloud.last.headers["host"] in openai_cloud.base_url
    assert request(gateway, "http://evil.example/v1/chat/completions/")[0] == 404
    assert request(gateway, "http://v1/chat/completions")[0] == 404


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "a/v1/messages?x#", "", "[::1]"])
def test_no_host_header_changes_anything(gateway: Gateway, openai_cloud: StandIn, host: str) -> None:
    for name in ("host", "x-forwarded-host", "x-original-url", "x-rewrite-url"):
        assert request(gateway, CHAT, "POST", f"{name}: {host}")[0] == 200
    assert all(exchange.headers["host"] in openai_cloud.base_url for exchange in openai_cloud.exchanges)
    assert request(gateway, "/nowhere", "POST", "x-original-url: /v1/chat/completions")[0] == 404


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_on_a_data_path_is_405_that_names_the_right_one(gateway: Gateway, method: str) -> None:
    for path in (CHAT, MESSAGES):
        answer = ask(gateway.url, method, path, None, {"authorization": f"Bearer {gateway.admin_key}"})
        assert answer.status == 405
        assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v1/models", "/health/live", "/health/ready", "/metrics", "/v1/models/fast"])
def test_pages_are_only_read(gateway: Gateway, method: str, path: str) -> None:
    answer = ask(gateway.url, method, path, b"{}", {"authorization": f"Bearer {gateway.admin_key}"})
    assert answer.status == 405
    assert answer.headers["allow"] == "GET, HEAD"


def test_a_method_that_nobody_knows_is_refused(gateway: Gateway) -> None:
    for method in ("FROB", "post", "CONNECT", "TRACE"):
        assert request(gateway, CHAT, method)[0] in (400, 404, 405), method


def test_x_http_method_override_is_nothing(gateway: Gateway) -> None:
    answer = gateway.get(CHAT, gateway.admin_key, x_http_method_override="POST")
    assert answer.status == 405


def test_a_path_is_answered_in_its_dialect(gateway: Gateway) -> None:
    assert gateway.get(MESSAGES).json["type"] == "error"
    assert gateway.get("/nowhere", anthropic_version="2023-06-01").json["type"] == "error"
    assert "type" not in gateway.get("/nowhere").json
    assert gateway.get("/nowhere").json["error"]["code"] == "not_found"
    assert gateway.get("/anthropic/v1/messages/count_tokens").json["type"] == "error"
    assert "type" not in gateway.get("/openai/v1/embeddings", anthropic_version="2023-06-01").json


def test_what_is_not_served_can_be_named_too(gateway: Gateway) -> None:
    answers = [gateway.get("/anthropic/nowhere") for _ in range(2)]
    names = [answer.request_id for answer in answers]
    assert names == [answer.json["request_id"] for answer in answers]
    assert names[0] != names[1]
    assert all(name.startswith("req_") for name in names)


def test_head_gives_a_page_s_head_only(gateway: Gateway) -> None:
    for path in ("/health/live", "/metrics"):
        answer = ask(gateway.url, "HEAD", path)
        assert (answer.status, answer.body) == (200, b"")
