"""Native paths: any method and body, byte for byte; whose key, whose headers, which paths."""

import hashlib
import json
from pathlib import Path

import pytest

from tests.client import Answer, ask, post, raw, read_answer
from tests.gateway import Gateway, running
from tests.passage.conftest import OWN_KEY, VARIABLES, config, is_asgi
from tests.passage.mill import Guest, Mill

BODY = bytes(range(256)) * 20


def call(gateway: Gateway, target: str, body: bytes | None = None, method: str = "POST", **headers: str) -> Answer:
    """A call with the administrator's key, unless a header says otherwise."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    if not any(name in named for name in ("authorization", "x-api-key", "api-key", "x-goog-api-key")):
        named["authorization"] = f"Bearer {gateway.admin_key}"
    return ask(gateway.url, method, target, body, named)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_any_method_and_body_go_up_byte_for_byte(gateway: Gateway, mill: Mill, method: str) -> None:
    answer = call(gateway, "/native/mill/some/thing?a=1&b=%20x&c", BODY, method, content_type="x/y")
    assert answer.status == 200
    seen = mill.last
    assert (seen.method, seen.target) == (method, "/v1/some/thing?a=1&b=%20x&c")
    assert seen.body == BODY
    assert seen.header("content-type") == "x/y"
    assert seen.header("content-length") == str(len(BODY))
    assert seen.header("host") == f"127.0.0.1:{mill.port}"


def test_a_head_is_answered_by_a_head(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1234\r\netag: abc\r\n\r\n")

    mill.script = script
    answer = call(gateway, "/native/mill/models", method="HEAD")
    assert (answer.status, answer.headers["content-length"], answer.headers["etag"]) == (200, "1234", "abc")
    assert call(gateway, "/native/nobody/models", method="HEAD").status == 404


@pytest.mark.parametrize("status", [200, 201, 202, 206, 400, 404, 409, 422])
def test_any_status_and_type_come_back_byte_for_byte(gateway: Gateway, mill: Mill, status: int) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(status, BODY, "content-type: odd/type; v=1", "x-own: yes", "x-own: twice")

    mill.script = script
    with raw(gateway.url) as sock:
        sock.sendall(post("/native/mill/x", b"{}", f"x-api-key: {gateway.admin_key}"))
        answer = read_answer(sock)
    assert (answer.status, answer.body) == (status, BODY)
    assert answer.headers["content-type"] == "odd/type; v=1"
    assert answer.headers["x-own"] == "twice"
    entry = gateway.entry(answer.request_id)
    assert (entry.endpoint, entry.dialect, entry.provider, entry.status) == ("native", "native", "mill", status)
    assert entry.outcome == ("ok" if status < 400 else "failed")
    assert entry.served == ("mill" if status < 400 else "")


def test_an_answer_without_body_has_none(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    mill.script = script
    for _ in range(2):
        answer = call(gateway, "/native/mill/x", b"", "DELETE")
        assert (answer.status, answer.body) == (204, b"")
        assert "transfer-encoding" not in answer.headers


def test_an_answer_in_chunks_comes_as_it_comes(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n")
        for number in range(3):
            await guest.send(b"8\r\ndata: %d\n\r\n" % number)
        await guest.send(b"0\r\n\r\n")

    mill.script = script
    answer = call(gateway, "/native/mill/x", b"{}")
    assert answer.body == b"data: 0\ndata: 1\ndata: 2\n"
    assert answer.headers["content-type"] == "text/event-stream"


@pytest.mark.parametrize("place", ["authorization", "x_api_key", "api_key", "x_goog_api_key"])
def test_the_client_s_key_goes_no_further_and_ours_goes_up(gateway: Gateway, mill: Mill, place: str) -> None:
    key = gateway.issue()
    value = f"Bearer {key}" if place == "authorization" else key
    named = {place.replace("_", "-"): value, "x-portkey-api-key": key, "x-note": f"see {key}", "x-fine": "yes"}
    answer = ask(gateway.url, "POST", f"/native/mill/x?a=1&key={key}&b=2", b"{}", named)
    assert answer.status == 200
    seen = mill.last
    assert seen.header("authorization") == f"Bearer {OWN_KEY}"
    assert seen.target == "/v1/x?a=1&b=2"
    assert seen.header("x-fine") == "yes"
    assert key not in json.dumps(seen.headers) + seen.target
    assert OWN_KEY not in str(answer.headers)


def test_a_key_in_the_query_alone_is_taken_out(gateway: Gateway, mill: Mill) -> None:
    key = gateway.issue()
    assert ask(gateway.url, "GET", f"/native/mill/x?key={key}").status == 200
    assert mill.last.target == "/v1/x"
    assert ask(gateway.url, "GET", f"/native/mill/x?k%65y={key}&z=%2B", headers={"x-api-key": key}).status == 200
    assert mill.last.target == "/v1/x?z=%2B"
    assert ask(gateway.url, "GET", f"/native/mill/x?key={key}&key=other").status == 401, "the last one counts"
    for target in (f"x/{key}", f"x?token={key}", f"x?a=b&t={key.replace('s', '%73', 1)}"):
        answer = ask(gateway.url, "GET", f"/native/mill/{target}", headers={"x-api-key": key})
        assert (answer.status, answer.code) == (400, "invalid_path")


def test_the_administrator_s_key_in_the_query_beside_another_goes_nowhere(gateway: Gateway, mill: Mill) -> None:
    for query in (f"key={gateway.admin_key}", f"a=1&k%65y={gateway.admin_key.replace('-', '%2D')}"):
        answer = ask(gateway.url, "GET", f"/native/mill/x?{query}", headers={"x-api-key": gateway.issue()})
        assert (answer.status, answer.code) == (400, "invalid_path")
    assert mill.seen == []


def test_a_key_parameter_that_is_none_of_ours_is_kept(gateway: Gateway, mill: Mill) -> None:
    assert call(gateway, "/native/mill/x?key=colour&b", method="GET").status == 200
    assert mill.last.target == "/v1/x?key=colour&b"


def test_the_provider_s_key_is_cleared_from_whatever_comes_back(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        body = f"you sent {guest.seen.header('authorization')}".encode()
        if guest.seen.target.endswith("chunked"):
            await guest.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nx-echo: %b\r\n\r\n" % OWN_KEY.encode())
            for byte in body:
                await guest.send(b"1\r\n%c\r\n" % byte)
            await guest.send(b"0\r\n\r\n")
        else:
            await guest.answer(422, body, f"x-echo: {OWN_KEY}")

    mill.script = script
    for target in ("error", "chunked"):
        answer = call(gateway, f"/native/mill/{target}", b"{}")
        assert answer.body.startswith(b"you sent Bearer <secret ")
        assert OWN_KEY not in str(answer.headers) + answer.body.decode()


def test_a_known_length_with_the_provider_s_key_in_it_is_broken_off(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(
            200, f"you sent {guest.seen.header('authorization')} and so on".encode(), "content-type: a/b"
        )

    mill.script = script
    with raw(gateway.url) as sock:
        sock.sendall(post("/native/mill/x", b"{}", f"x-api-key: {gateway.admin_key}"))
        data = b""
        while piece := sock.recv(65_536):
            data += piece
    assert OWN_KEY.encode() not in data
    assert gateway.entries()[-1].outcome == "failed"


def test_headers_of_the_connection_of_others_and_of_ours_stay_here(gateway: Gateway, mill: Mill) -> None:
    kept = {"x-own": "1", "accept": "a/b", "user-agent": "me", "openai-beta": "b", "x-stainless-lang": "python"}
    gone = {
        "cookie": "a=b",
        "forwarded": "for=1",
        "x-forwarded-for": "1.2.3.4",
        "x-forwarded-host": "h",
        "via": "1.1 x",
        "te": "trailers",
        "x-real-ip": "1.2.3.4",
        "x-keywright-tags": "a=b",
        "x-hop": "1",
        "x-http-method-override": "X",
        "connection": "x-hop, keep-alive",
        "proxy-authorization": "Basic x",
        "accept-language": "de",
    }
    answer = call(gateway, "/native/mill/x", b"{}", **kept, **gone)
    assert answer.status == 200
    names = {name for name, _ in mill.last.headers}
    assert {name: mill.last.header(name) for name in kept} == kept
    assert names & (gone.keys() - {"accept-language"}) == set()
    assert mill.last.header("accept-language") == "de"
    assert mill.last.header("accept-encoding") == "identity"


def test_headers_of_the_answer_that_are_not_the_client_s_stay_here(gateway: Gateway, mill: Mill) -> None:
    gone = ["set-cookie: a=b", "server: x", "access-control-allow-origin: *", "openai-organization: acme-corp"]
    gone += ["x-accel-redirect: /internal/secret", "x-sendfile: /etc/passwd"]
    kept = ["x-request-id: r1", "x-ratelimit-remaining-requests: 3", "cache-control: no-store"]

    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(200, b"{}", *gone, *kept)

    mill.script = script
    answer = call(gateway, "/native/mill/x", b"{}")
    assert {line.partition(":")[0] for line in gone} & answer.headers.keys() == set()
    assert {line.partition(":")[0] for line in kept} <= answer.headers.keys()
    assert answer.headers["x-keywright-model"] == "mill"


def test_a_redirect_is_not_followed_and_leads_nobody_away(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(307, b"", "location: https://elsewhere.example/")

    mill.script = script
    answer = call(gateway, "/native/mill/x", method="GET")
    assert (answer.status, answer.code) == (502, "upstream_failed")
    assert "location" not in answer.headers
    assert len(mill.seen) == 1


BAD_PATHS = [
    *("../x", "a/../b", "..", ".", "a/.", "./a", "a/./b", "%2e%2e/x", "%2E%2e/x", "a/%2e%2e/b", ".%2e/x", "%2e/x"),
    *("a%2fb", "a%2Fb", "a%5cb", "a%5Cb", "a\\b", "a//b", "/a", "a;b", "a;b=c/d", "a%3bb", "a%00b", "a%0d%0ab"),
    *("a%0ab", "a%252e%252e", "a%25", "a%2", "a%", "a%zz", "%c3%a9", "a%3fb", "a%23b", "a%7fb", "a%20b", "a|b", "a^b"),
    *("", "a[b]", "a{b}", 'a"b', "a<b>", "http://evil.example/x", "a/..;/b"),
]


@pytest.mark.parametrize("path", BAD_PATHS)
def test_a_path_that_could_be_read_otherwise_is_refused(gateway: Gateway, mill: Mill, path: str) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(post(f"/native/mill/{path}", b"{}", f"x-api-key: {gateway.admin_key}"))
        answer = read_answer(sock)
    assert answer.status == 400
    assert mill.seen == []


@pytest.mark.parametrize(
    "target", [b"/native/mill/\xc3\xa9", b"/native/mill/a\x01", b"/native/mill/a\x00b", b"/native/mill/a\tb"]
)
def test_a_target_of_other_bytes_is_refused(gateway: Gateway, mill: Mill, target: bytes) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(
            b"POST %b HTTP/1.1\r\nhost: x\r\nx-api-key: %b\r\ncontent-length: 0\r\n\r\n"
            % (target, gateway.admin_key.encode())
        )
        assert read_answer(sock).status == 400
    assert mill.seen == []


@pytest.mark.parametrize(
    "target",
    [
        "//native/mill/x",
        "/native//mill/x",
        "/./native/mill/x",
        "/%6eative/mill/x",
        "/native/..%2fmill/x",
        "/NATIVE/mill/x",
    ],
)
def test_no_other_spelling_is_a_native_path(gateway: Gateway, mill: Mill, target: str) -> None:
    answer = call(gateway, target, b"{}")
    assert answer.status in (400, 404)
    assert mill.seen == []


@pytest.mark.parametrize(
    "path", ["a", "a/b-c_d~e.f", "v1beta/models/x:generateContent", "a%3Ab", "files/", "a@b", "a=b,c", "...", "a..b"]
)
def test_a_plain_path_goes_up_as_it_is(gateway: Gateway, mill: Mill, path: str) -> None:
    assert call(gateway, f"/native/claude/{path}", b"{}").status == 200
    assert mill.last.target == f"/claude/{path}"


def test_the_absolute_form_leads_nowhere_else(gateway: Gateway, mill: Mill) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(post("http://evil.example/native/mill/x", b"{}", f"x-api-key: {gateway.admin_key}"))
        status = read_answer(sock).status
    if is_asgi(gateway):  # the server has made a path of it, whatever host it named
        assert (status, mill.last.header("host")) == (200, f"127.0.0.1:{mill.port}")
    else:
        assert (status, mill.seen) == (400, [])


def test_an_unknown_provider_is_404_that_names_the_others(gateway: Gateway) -> None:
    answer = call(gateway, "/native/nobody/x", b"{}")
    assert (answer.status, answer.code) == (404, "not_found")
    assert "there are: mill, claude, narrow, mistral, " in answer.message
    assert gateway.entry(answer.request_id).outcome == "refused"


def test_a_key_needs_the_endpoint(gateway: Gateway, mill: Mill) -> None:
    for key, status in (
        (gateway.issue(permission="restricted", endpoints=("chat",)), 403),
        (gateway.issue(permission="read_only"), 403),
        (gateway.issue(permission="restricted", endpoints=("native",)), 200),
        (gateway.issue(), 200),
        (gateway.issue(revoked_s=1), 401),
        ("sk-kw-nonsense", 401),
        ("", 401),
    ):
        named = {"x-api-key": key} if key else {}
        answer = ask(gateway.url, "POST", "/native/mill/x", b"{}", named)
        assert answer.status == status, key
    assert len(mill.seen) == 2


CHAT = {"id": "c", "object": "chat.completion", "created": 1, "model": "gpt-4o", "choices": [
    {"index": 0, "message": {"role": "assistant", "content": "hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}}  # fmt: skip


async def chatting(guest: Guest) -> None:
    await guest.pieces()
    await guest.answer(200, json.dumps(CHAT).encode(), "content-type: application/json")


def body_for(model: str, **more: object) -> bytes:
    return json.dumps({"model": model, "messages": [{"role": "user", "content": "x"}], **more}).encode()


def test_a_known_endpoint_is_priced_by_its_own_figures(gateway: Gateway, mill: Mill) -> None:
    mill.script = chatting
    body = body_for("gpt-4o")
    answer = call(gateway, "/native/mill/chat/completions", body)
    assert answer.json == CHAT
    assert mill.last.body == body
    entry = gateway.entry(answer.request_id)
    assert (entry.model, entry.served, entry.usage.input, entry.usage.output) == ("gpt-4o", "mill/gpt-4o", 10, 5)
    assert entry.cost_picodollars == 10 * 2_500_000 + 5 * 10_000_000
    assert (entry.usage_source, entry.verbatim) == ("provider", True)
    assert answer.headers["x-keywright-model"] == "mill/gpt-4o"


def test_a_stream_at_a_known_endpoint_is_tapped_and_not_touched(gateway: Gateway, mill: Mill) -> None:
    chunks = [
        b'data: {"choices":[{"index":0,"delta":{"content":"a word"}}]}\n\n',
        b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n',
        b'data: {"choices":[],"usage":{"prompt_tokens":7,"completion_tokens":3}}\n\n',
        b"data: [DONE]\n\n",
    ]

    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.send(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-type: text/event-stream\r\n\r\n")
        for chunk in chunks:
            await guest.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        await guest.send(b"0\r\n\r\n")

    mill.script = script
    body = body_for("gpt-4o", stream=True)
    answer = call(gateway, "/native/mill/chat/completions", body)
    assert answer.body == b"".join(chunks)
    assert mill.last.body == body
    entry = gateway.entry(answer.request_id)
    assert (entry.stream, entry.usage.input, entry.usage.output) == (True, 7, 3)


def test_a_key_with_models_may_call_what_names_one_and_nothing_else(gateway: Gateway, mill: Mill) -> None:
    mill.script = chatting
    key = gateway.issue(models=("mill/gpt-4o*", "draw"))

    def asked(path: str, body: bytes, method: str = "POST") -> tuple[int, str]:
        answer = call(gateway, f"/native/{path}", body, method, x_api_key=key)
        return answer.status, "" if answer.status == 200 else answer.code

    assert asked("mill/chat/completions", body_for("gpt-4o")) == (200, "")
    assert asked("mill/chat/completions", body_for("gpt-4o-mini")) == (200, "")
    for path, body, method in (
        ("mill/chat/completions", body_for("o3-mini"), "POST"),
        ("mill/chat/completions", body_for("draw"), "POST"),
        ("mill/chat/completions", b"", "GET"),
        ("mill/chat/completions/", body_for("o3-mini"), "POST"),
        ("mill/Chat/Completions", body_for("o3-mini"), "POST"),
        ("mill/batches", b'{"input_file_id":"f"}', "POST"),
        ("mill/files", b"", "GET"),
        ("mill/images/generations", body_for("gpt-4o"), "POST"),
        ("claude/v1/messages", body_for("gpt-4o", max_tokens=1), "POST"),
    ):
        assert asked(path, body, method) == (403, "model_not_allowed"), path
    doubled = body_for("gpt-4o")[:-1] + b',"model":"o3-mini"}'
    assert asked("mill/chat/completions", doubled) == (400, "invalid_json")
    assert len(mill.seen) == 2


def test_a_provider_for_certain_models_serves_no_others_natively(gateway: Gateway, mill: Mill) -> None:
    mill.script = chatting
    assert call(gateway, "/native/narrow/chat/completions", body_for("gpt-4o")).status == 200
    answer = call(gateway, "/native/narrow/chat/completions", body_for("o3-mini"))
    assert (answer.status, answer.code) == (404, "model_not_found")
    answer = call(gateway, "/native/narrow/batches", b"{}")
    assert (answer.status, answer.code) == (403, "endpoint_not_allowed")
    assert len(mill.seen) == 1


def test_errors_are_in_the_words_of_the_provider_whose_sdk_calls(gateway: Gateway) -> None:
    assert ask(gateway.url, "POST", "/native/claude/v1/messages", b"{}").json["type"] == "error"
    assert "type" not in ask(gateway.url, "POST", "/native/mill/chat/completions", b"{}").json


@pytest.mark.parametrize(("status", "times"), [(429, 3), (503, 3), (500, 1), (404, 1), (400, 1)])
def test_what_may_change_something_is_sent_again_only_if_it_was_not_taken(
    gateway: Gateway, mill: Mill, status: int, times: int
) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(status, b'{"error":{"message":"no"}}', "content-type: application/json", "retry-after: 0")

    mill.script = script
    answer = call(gateway, "/native/mill/files", b"{}")
    assert (answer.status, answer.body) == (status, b'{"error":{"message":"no"}}')
    assert len(mill.seen) == times
    assert len(gateway.entry(answer.request_id).attempts) == times
    mill.script = chatting
    assert call(gateway, "/native/mill/files", b"{}").status == 200, "the breaker is closed again"


def test_a_credential_that_is_refused_is_not_the_client_s_affair(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(401, b'{"error":{"message":"Incorrect API key provided: sk-the*****789"}}')

    mill.script = script
    answer = call(gateway, "/native/mill/x", b"{}")
    assert (answer.status, answer.code) == (401, "upstream_failed")
    assert b"sk-the" not in answer.body
    mill.script = chatting
    assert call(gateway, "/native/mill/x", b"{}").status == 200


def test_compressed_answers_are_not_asked_for_but_pass(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(200, b"\x1f\x8bnot really", "content-encoding: gzip")

    mill.script = script
    answer = call(gateway, "/native/mill/x", b"{}", accept_encoding="gzip, br")
    assert (answer.body, answer.headers["content-encoding"]) == (b"\x1f\x8bnot really", "gzip")
    assert mill.last.header("accept-encoding") == "identity"


def test_an_error_without_a_body_has_none(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(409, b"", "x-own: yes")

    mill.script = script
    answer = call(gateway, "/native/mill/x", b"{}")
    assert (answer.status, answer.body, answer.headers["x-own"]) == (409, b"", "yes")


def test_a_large_answer_comes_whole(gateway: Gateway, mill: Mill) -> None:
    large = BODY * 2000

    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(200, large, "content-type: application/octet-stream")

    mill.script = script
    answer = call(gateway, "/native/mill/files/f/content", method="GET")
    assert answer.headers["content-length"] == str(len(large))
    assert hashlib.sha256(answer.body).digest() == hashlib.sha256(large).digest()


def test_a_credential_that_fails_again_and_again_rests(tmp_path: Path, mill: Mill) -> None:
    async def failing(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(500, b'{"error":{"message":"broken"}}', "content-type: application/json")

    mill.script = failing
    with running(tmp_path, config(mill.port), VARIABLES) as gateway:
        assert [call(gateway, "/native/mill/files", b"{}").status for _ in range(5)] == [500] * 5
        answer = call(gateway, "/native/mill/files", b"{}")
        assert (answer.status, answer.code) == (503, "upstream_failed")
        assert int(answer.headers["retry-after"]) > 1
        assert len(mill.seen) == 5
        assert call(gateway, "/v1/moderations", b'{"input":"x"}').status == 503, "it is the same credential"


@pytest.mark.parametrize(
    "name",
    [
        *("x-portkey-custom-host", "x-portkey-config", "x-portkey-provider", "x-portkey-forward-headers"),
        *("helicone-target-url", "helicone-openai-api-base", "x-litellm-api-base", "x-tfy-provider-url"),
        *("x_portkey_custom_host", "x_forwarded_for", "x_keywright_tags", "x_api_key"),
    ],
)
def test_no_header_leads_a_gateway_that_is_asked_or_hides_behind_an_underscore(
    gateway: Gateway, mill: Mill, name: str
) -> None:
    with raw(gateway.url) as sock:
        sock.sendall(post("/native/mill/x", b"{}", f"{name}: https://evil.example", f"x-api-key: {gateway.admin_key}"))
        assert read_answer(sock).status == 200
    assert "evil.example" not in str(mill.last.headers)


def test_no_key_of_ours_goes_up_even_if_it_is_another_s(gateway: Gateway, mill: Mill) -> None:
    other = gateway.issue()
    assert call(gateway, "/native/mill/x", b"{}", x_note=f"Bearer {other}", x_fine="yes").status == 200
    assert mill.last.header("x-fine") == "yes"
    assert other not in str(mill.last.headers)
