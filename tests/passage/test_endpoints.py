"""The endpoints of the same wire: where they go, what becomes of the model's name, what they used, who may call."""

import json
from typing import Any

import pytest

from keywright.core.json import JsonObject
from tests.client import Answer, ask, post, raw, read_answer
from tests.gateway import Gateway, until
from tests.passage.conftest import OWN_KEY
from tests.passage.mill import Guest, Mill, Script

SOUND = bytes(range(256)) * 300
FORM = "multipart/form-data; boundary=B0undary"


def form(*parts: tuple[str, str | bytes]) -> bytes:
    """A form, with bytes as files."""
    pieces = []
    for name, value in parts:
        file = '; filename="x.mp3"\r\nContent-Type: audio/mpeg' if isinstance(value, bytes) else ""
        data = value if isinstance(value, bytes) else value.encode()
        pieces.append(f'--B0undary\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data)
    return b"\r\n".join([*pieces, b"--B0undary--\r\n"])


def says(status: int, body: JsonObject | bytes, *headers: str) -> Script:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = () if isinstance(body, bytes) else ("content-type: application/json",)
        await guest.answer(status, data, *kind, *headers)

    return script


def call(
    gateway: Gateway, path: str, body: JsonObject | bytes | None = None, method: str = "POST", **headers: str
) -> Answer:
    named = {"authorization": f"Bearer {gateway.admin_key}"}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    if isinstance(body, bytes):
        named.setdefault("content-type", FORM)
    elif body is not None:
        named["content-type"] = "application/json"
    return ask(gateway.url, method, path, body if isinstance(body, bytes | None) else json.dumps(body).encode(), named)


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/v1/moderations", "moderations"),
        ("/v1/images/generations", "images"),
        ("/v1/images/edits", "images"),
        ("/v1/audio/speech", "speech"),
        ("/openai/v1/audio/speech", "speech"),
        ("/v1/responses/compact", "responses_items"),
    ],
)
def test_json_goes_up_with_nothing_changed_but_the_model(
    gateway: Gateway, mill: Mill, path: str, endpoint: str
) -> None:
    mill.script = says(200, {"ok": True}, "x-request-id: r1", "x-unlisted: 1", "set-cookie: a=b")
    body = b'{ "input" : "hi \\u00e9", "model":"mill/gpt-4o-mini-tts" , "z":[1, 2] }'
    answer = call(gateway, path, body, content_type="application/json", openai_beta="b=1", x_own="no")
    assert (answer.status, answer.json) == (200, {"ok": True})
    seen = mill.last
    assert (seen.method, seen.target) == ("POST", path.replace("/openai", ""))
    assert seen.body == body.replace(b"mill/gpt-4o-mini-tts", b"gpt-4o-mini-tts")
    assert seen.header("authorization") == f"Bearer {OWN_KEY}"
    assert (seen.header("openai-beta"), seen.header("x-own")) == ("b=1", None)
    assert answer.headers["x-request-id"] == "r1"
    assert {"x-unlisted", "set-cookie"} & answer.headers.keys() == set()
    entry = gateway.entry(answer.request_id)
    assert (entry.endpoint, entry.dialect, entry.model) == (endpoint, "openai_chat", "mill/gpt-4o-mini-tts")
    assert (entry.served, entry.outcome, entry.status) == ("mill/gpt-4o-mini-tts", "ok", 200)


def test_an_alias_leads_where_it_says(gateway: Gateway, mill: Mill) -> None:
    assert call(gateway, "/v1/images/generations", {"model": "draw", "prompt": "x"}).status == 200
    assert json.loads(mill.last.body)["model"] == "gpt-image-1"
    assert call(gateway, "/v1/images/generations", {"model": "gpt-image-1", "prompt": "x"}).status == 200
    assert json.loads(mill.last.body)["model"] == "gpt-image-1"


def test_a_model_that_no_catalogue_knows_goes_to_the_first_who_has_the_endpoint(gateway: Gateway, mill: Mill) -> None:
    for model, sent in (("brand-new-9", "brand-new-9"), ("mill/brand-new-9", "brand-new-9"), ("mill/a/b", "a/b")):
        answer = call(gateway, "/v1/moderations", {"model": model, "input": "x"})
        assert answer.headers["x-keywright-model"] == f"mill/{sent}"
        assert json.loads(mill.last.body)["model"] == sent


def test_a_model_may_be_left_out_where_the_wire_lets_it(gateway: Gateway, mill: Mill) -> None:
    answer = call(gateway, "/v1/moderations", {"input": "x"})
    assert (answer.status, answer.headers["x-keywright-model"]) == (200, "mill")
    assert json.loads(mill.last.body) == {"input": "x"}
    answer = call(gateway, "/v1/audio/speech", {"input": "x"})
    assert (answer.status, answer.code) == (400, "invalid_request")


def test_whoever_lacks_the_endpoint_is_not_asked(gateway: Gateway, mill: Mill) -> None:
    answer = call(gateway, "/v1/audio/speech", {"model": "claude/claude-opus-4-5", "input": "x"})
    assert (answer.status, answer.code) == (404, "not_found")
    assert "has no speech endpoint" in answer.message
    answer = call(gateway, "/v1/files", method="GET", x_keywright_provider="claude")
    assert (answer.status, answer.code) == (404, "not_found")
    assert "mill, narrow, mistral" in answer.message
    assert mill.seen == []


def test_sound_comes_as_it_comes(gateway: Gateway, mill: Mill) -> None:
    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.send(b"HTTP/1.1 200 OK\r\ncontent-type: audio/mpeg\r\ntransfer-encoding: chunked\r\n\r\n")
        for at in range(0, len(SOUND), 1000):
            piece = SOUND[at : at + 1000]
            await guest.send(b"%x\r\n%b\r\n" % (len(piece), piece))
        await guest.send(b"0\r\n\r\n")

    mill.script = script
    answer = call(gateway, "/v1/audio/speech", {"model": "tts-1", "input": "x", "voice": "alloy"})
    assert (answer.body, answer.headers["content-type"]) == (SOUND, "audio/mpeg")


@pytest.mark.parametrize(
    ("path", "answer", "used"),
    [
        (
            "/v1/images/generations",
            {"data": [{"b64_json": "QUJD"}], "usage": {"input_tokens": 50, "output_tokens": 1000, "total_tokens": 1050,
             "input_tokens_details": {"text_tokens": 10, "image_tokens": 40}}},
            {"input": 10, "image_input": 40, "image_output": 1000},
        ),
        (
            "/v1/images/generations",
            {"data": [{"b64_json": "QUJD" * 100_000}], "usage": {"input_tokens": 50, "output_tokens": 1000}},
            {"input": 50, "image_output": 1000},
        ),
        ("/v1/images/generations", {"data": [{"url": "https://x"}]}, {}),
        ("/v1/images/generations", {"data": [], "usage": {"input_tokens": -5, "output_tokens": 1}}, {}),
        ("/v1/moderations", {"id": "m", "results": []}, {}),
        (
            "/v1/responses/compact",
            {"output": [], "usage": {"input_tokens": 30, "input_tokens_details": {"cached_tokens": 10},
             "output_tokens": 20, "output_tokens_details": {"reasoning_tokens": 5}}},
            {"input": 20, "cache_read": 10, "output": 15, "reasoning": 5},
        ),
    ],
)  # fmt: skip
def test_what_an_answer_says_was_used_is_in_the_ledger_and_paid(
    gateway: Gateway, mill: Mill, path: str, answer: JsonObject, used: dict[str, int]
) -> None:
    mill.script = says(200, answer)
    got = call(gateway, path, {"model": "gpt-image-1", "prompt": "x"})
    assert got.json == answer
    entry = gateway.entry(got.request_id)
    assert {unit: amount for unit in entry.usage.__struct_fields__ if (amount := getattr(entry.usage, unit))} == used
    assert entry.usage_source == ("provider" if used else "none")
    assert bool(entry.cost_picodollars) == bool(used)


TRANSCRIPT: dict[str, Any] = {
    "text": "hello",
    "usage": {"type": "tokens", "input_tokens": 14, "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
              "output_tokens": 7, "total_tokens": 21},
}  # fmt: skip


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/audio/translations", "/v1/images/edits"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_form_goes_up_with_nothing_changed_but_the_model(
    gateway: Gateway, mill: Mill, path: str, is_first: bool
) -> None:
    mill.script = says(200, TRANSCRIPT)
    parts: list[tuple[str, str | bytes]] = [("model", "mill/gpt-4o-transcribe"), ("file", SOUND), ("language", "en")]
    body = form(*(parts if is_first else parts[::-1]))
    answer = call(gateway, path, body)
    assert answer.json == TRANSCRIPT
    assert mill.last.body == body.replace(b"mill/gpt-4o", b"gpt-4o")
    assert mill.last.target == path
    assert mill.last.header("content-type") == FORM
    entry = gateway.entry(answer.request_id)
    assert entry.served == "mill/gpt-4o-transcribe"
    if "audio" in path:
        assert (entry.usage.audio_input, entry.usage.input, entry.usage.output) == (10, 4, 7)
        assert entry.cost_picodollars == 10 * 6_000_000 + 4 * 2_500_000 + 7 * 10_000_000


def test_a_transcript_that_is_streamed_is_tapped(gateway: Gateway, mill: Mill) -> None:
    events = [
        {"type": "transcript.text.delta", "delta": "he"},
        {"type": "transcript.text.done", "text": "hello", "usage": TRANSCRIPT["usage"]},
    ]
    body = b"".join(b"data: %b\n\n" % json.dumps(event).encode() for event in events)
    mill.script = says(200, body, "content-type: text/event-stream")
    answer = call(
        gateway, "/v1/audio/transcriptions", form(("model", "gpt-4o-transcribe"), ("stream", "true"), ("file", SOUND))
    )
    assert answer.body == body
    assert gateway.entry(answer.request_id).usage.audio_input == 10


def test_a_large_form_passes_while_it_comes(gateway: Gateway, mill: Mill) -> None:
    body = form(("model", "whisper-1"), ("file", SOUND * 600), ("language", "en"))
    assert len(body) > 45_000_000
    at = len(body) // 2

    async def script(guest: Guest) -> None:
        await guest.pieces(keep=False)
        await guest.answer(200, b"{}", "content-type: application/json")

    mill.script = script
    with raw(gateway.url) as sock:
        head = f"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\ncontent-type: {FORM}\r\n"
        sock.sendall(
            f"{head}content-length: {len(body)}\r\nx-api-key: {gateway.admin_key}\r\n\r\n".encode() + body[:at]
        )
        assert until(lambda: bool(mill.seen) and mill.last.size > at // 2), "the file goes up before its end has come"
        sock.sendall(body[at:])
        assert read_answer(sock).status == 200
    assert mill.last.size == len(body)


def test_a_form_with_the_model_behind_a_file_that_is_too_large_is_refused_with_what_to_do(
    gateway: Gateway, mill: Mill
) -> None:
    body = form(("file", SOUND * 600), ("model", "whisper-1"))
    with raw(gateway.url) as sock:
        head = f"POST /v1/audio/transcriptions HTTP/1.1\r\nhost: x\r\ncontent-type: {FORM}\r\n"
        sock.sendall(f"{head}content-length: {len(body)}\r\nx-api-key: {gateway.admin_key}\r\n\r\n".encode())
        try:
            sock.sendall(body)
        except ConnectionError:
            pass  # it has been refused meanwhile
        answer = read_answer(sock)
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert "put the field model before the file" in answer.message
    assert mill.seen == []


@pytest.mark.parametrize("files", [SOUND, SOUND * 10])
def test_a_second_model_behind_the_file_never_reaches_the_provider_whole(
    gateway: Gateway, mill: Mill, files: bytes
) -> None:
    key = gateway.issue(models=("mill/whisper-1",))
    body = form(("model", "whisper-1"), ("file", files), ("model", "gpt-4o-transcribe"))
    answer = call(gateway, "/v1/audio/transcriptions", body, authorization=f"Bearer {key}")
    assert (answer.status, answer.code) == (400, "invalid_form")
    assert not any(seen.complete for seen in mill.seen)
    assert not any(b"gpt-4o-transcribe" in seen.body for seen in mill.seen)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (form(("file", SOUND)), "invalid_request"),
        (form(("model", "")), "invalid_form"),
        (b"no form", "invalid_form"),
        (form(("model", "whisper-1"))[:-8], "invalid_form"),
        (form(("Model", "whisper-1"), ("file", SOUND)), "invalid_form"),
    ],
)
def test_a_form_that_cannot_be_read_is_refused(gateway: Gateway, mill: Mill, body: bytes, code: str) -> None:
    answer = call(gateway, "/v1/audio/transcriptions", body)
    assert (answer.status, answer.code) == (400, code)
    assert mill.seen == []


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/files"),
        ("GET", "/v1/files?limit=2&after=file-1"),
        ("POST", "/v1/files"),
        ("GET", "/v1/files/file-abc"),
        ("DELETE", "/v1/files/file-abc"),
        ("GET", "/v1/files/file-abc/content"),
        ("POST", "/v1/uploads"),
        ("POST", "/v1/uploads/upload_1/parts"),
        ("POST", "/v1/uploads/upload_1/complete"),
        ("POST", "/v1/uploads/upload_1/cancel"),
        ("GET", "/v1/batches"),
        ("POST", "/v1/batches"),
        ("GET", "/v1/batches/batch_1"),
        ("POST", "/v1/batches/batch_1/cancel"),
        ("GET", "/v1/responses/resp_1"),
        ("DELETE", "/v1/responses/resp_1"),
        ("POST", "/v1/responses/resp_1/cancel"),
        ("GET", "/v1/responses/resp_1/input_items?limit=3"),
    ],
)
def test_what_names_no_model_goes_to_the_first_provider_or_the_one_that_is_named(
    gateway: Gateway, mill: Mill, method: str, path: str
) -> None:
    body = b"" if method != "POST" else b"{}"
    for provider, prefix in (("", ""), ("narrow", "/narrow")):
        named = {"x_keywright_provider": provider} if provider else {}
        if provider and "batches" in path:
            continue
        answer = call(gateway, path, body, method, **named)
        assert answer.status == 200
        assert (mill.last.method, mill.last.target) == (method, prefix + path)
        assert mill.last.header("x-keywright-provider") is None
        entry = gateway.entry(answer.request_id)
        assert (entry.provider, entry.outcome) == (provider or "mill", "ok")


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("PUT", "/v1/files", "GET, HEAD, POST"),
        ("POST", "/v1/files/file-1", "DELETE, GET, HEAD"),
        ("GET", "/v1/batches/b/cancel", "POST"),
        ("GET", "/v1/audio/speech", "POST"),
        ("GET", "/v1/uploads/upload_1/parts", "POST"),
        ("DELETE", "/v1/images/edits", "POST"),
    ],
)
def test_another_method_is_405_that_names_the_right_ones(gateway: Gateway, method: str, path: str, allow: str) -> None:
    answer = call(gateway, path, method=method)
    assert (answer.status, answer.headers["allow"]) == (405, allow)


@pytest.mark.parametrize(
    "path",
    ["/v1/files/", "/v1/files//content", "/v1/files/a/b", "/v1/files/a/content/", "/v1/images", "/v1/batches/a/b/c"],
)
def test_what_is_not_on_the_list_is_404(gateway: Gateway, mill: Mill, path: str) -> None:
    assert call(gateway, path, method="GET").status == 404
    assert mill.seen == []


@pytest.mark.parametrize("name", ["..", ".", "%2e%2e", "a%2fb", "a%5cb", "a;b", "a%00", "%c3%a9"])
def test_an_id_that_is_another_path_is_refused(gateway: Gateway, mill: Mill, name: str) -> None:
    for path in (f"/v1/files/{name}", f"/v1/files/{name}/content", f"/v1/responses/{name}/cancel"):
        method = "POST" if path.endswith("cancel") else "GET"
        with raw(gateway.url) as sock:
            sock.sendall(f"{method} {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {gateway.admin_key}\r\n\r\n".encode())
            assert read_answer(sock).status == 400
    assert mill.seen == []


def test_a_provider_for_certain_models_is_not_asked_for_a_default_one(gateway: Gateway, mill: Mill) -> None:
    for path in ("/v1/moderations", "/v1/images/generations", "/v1/batches"):
        answer = call(gateway, path, {"input": "x"}, x_keywright_provider="narrow")
        assert (answer.status, answer.code) == (403, "endpoint_not_allowed")
    assert mill.seen == []


def test_mistral_s_clients_come_to_mistral(gateway: Gateway, mill: Mill) -> None:
    mill.script = says(200, {"pages": [], "model": "mistral-ocr-latest", "usage_info": {"pages_processed": 1}})
    for path in ("/v1/ocr", "/mistral/v1/ocr"):
        answer = call(gateway, path, {"model": "mistral-ocr-latest", "document": {"type": "document_url"}})
        assert (answer.status, answer.headers["x-keywright-model"]) == (200, "mistral/mistral-ocr-latest")
        assert mill.last.target == "/mistral/v1/ocr"
        assert gateway.entry(answer.request_id).endpoint == "ocr"
    assert call(gateway, "/v1/files", method="GET", user_agent="mistral-client-python/1").status == 200
    assert mill.last.target == "/mistral/v1/files"
    assert call(gateway, "/mistral/v1/files/a/content", method="GET").status == 200
    assert mill.last.target == "/mistral/v1/files/a/content"


def test_anthropic_s_own_files_are_others(gateway: Gateway, mill: Mill) -> None:
    assert call(gateway, "/v1/files", method="GET", anthropic_version="2023-06-01").status == 404
    assert call(gateway, "/openai/v1/files", method="GET", anthropic_version="2023-06-01").status == 200
    assert len(mill.seen) == 1


def test_a_key_with_models_uses_what_names_one_of_them_only(gateway: Gateway, mill: Mill) -> None:
    key = gateway.issue(models=("mill/whisper-1", "draw"))

    def asked(path: str, body: JsonObject | bytes | None = None, method: str = "POST") -> int:
        return call(gateway, path, body, method, authorization=f"Bearer {key}").status

    assert asked("/v1/audio/transcriptions", form(("model", "whisper-1"), ("file", SOUND))) == 200
    assert asked("/v1/images/generations", {"model": "draw"}) == 200
    assert asked("/v1/audio/transcriptions", form(("model", "gpt-4o-transcribe"), ("file", SOUND))) == 403
    assert asked("/v1/images/generations", {"model": "gpt-image-1"}) == 403
    assert asked("/v1/moderations", {"input": "x"}) == 403
    assert asked("/v1/files", method="GET") == 403
    assert asked("/v1/files", form(("purpose", "batch"), ("file", b"{}"))) == 403
    assert asked("/v1/batches", {"input_file_id": "file-1"}) == 403
    assert asked("/v1/responses/resp_1", method="GET") == 403
    assert len(mill.seen) == 2


def test_a_key_needs_each_endpoint_by_name(gateway: Gateway, mill: Mill) -> None:
    key = gateway.issue(permission="restricted", endpoints=("files", "moderations"))

    def asked(path: str, method: str = "GET", body: JsonObject | None = None) -> int:
        return call(gateway, path, body, method, authorization=f"Bearer {key}").status

    assert [asked("/v1/files"), asked("/v1/moderations", "POST", {"input": "x"})] == [200, 200]
    assert [asked("/v1/batches"), asked("/v1/responses/x"), asked("/native/mill/files")] == [403] * 3
    reading = gateway.issue(permission="read_only")
    assert call(gateway, "/v1/files", method="GET", authorization=f"Bearer {reading}").status == 403


def test_a_failure_that_passes_is_tried_again_where_a_model_is_named(gateway: Gateway, mill: Mill) -> None:
    failing = iter([503, 500])

    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(next(failing, 200), b"{}", "content-type: application/json", "retry-after: 0")

    mill.script = script
    answer = call(gateway, "/v1/images/generations", {"model": "gpt-image-1"})
    assert (answer.status, answer.headers["x-keywright-attempts"]) == (200, "3")
    assert [attempt.result for attempt in gateway.entry(answer.request_id).attempts][-1] == "ok"


def test_the_provider_s_error_is_the_client_s_as_it_came(gateway: Gateway, mill: Mill) -> None:
    body: JsonObject = {"error": {"message": "no such voice", "type": "invalid_request_error", "code": None, "odd": 1}}
    mill.script = says(400, body, "x-request-id: r9")
    answer = call(gateway, "/v1/audio/speech", {"model": "tts-1", "input": "x"})
    assert (answer.status, answer.json, answer.headers["x-request-id"]) == (400, body, "r9")
    entry = gateway.entry(answer.request_id)
    assert (entry.outcome, entry.status) == ("failed", 400)


def test_every_call_of_a_known_key_leaves_exactly_one_entry(gateway: Gateway, mill: Mill) -> None:
    key = gateway.issue(models=("mill/whisper-1",))
    before = len(gateway.entries())
    sound: tuple[str, str | bytes] = ("file", SOUND)
    answers = [
        call(gateway, "/v1/audio/transcriptions", form(("model", "whisper-1"), sound)),
        call(gateway, "/v1/audio/transcriptions", form(sound)),
        call(gateway, "/v1/audio/transcriptions", form(("model", "whisper-1"), sound, ("model", "x"))),
        call(gateway, "/v1/audio/transcriptions", form(("model", "x"), sound), authorization=f"Bearer {key}"),
        call(gateway, "/v1/files", method="GET"),
        call(gateway, "/v1/files/%2e", method="GET"),
        call(gateway, "/v1/files", method="GET", x_keywright_provider="nobody"),
        call(gateway, "/native/nobody/x", method="GET"),
        call(gateway, "/native/mill/x", method="HEAD"),
    ]
    mill.script = says(400, {"error": {"message": "no"}})
    answers.append(call(gateway, "/v1/moderations", {"input": "x"}))
    call(gateway, "/v1/files", method="GET", authorization="Bearer sk-kw-wrong")
    entries = gateway.entries()[before:]
    assert [entry.id for entry in entries] == [answer.request_id for answer in answers]
    assert [entry.status for entry in entries] == [answer.status for answer in answers]
    assert [entry.outcome for entry in entries] == ["ok", *["refused"] * 3, "ok", *["refused"] * 3, "ok", "failed"]


def test_a_key_for_one_provider_does_not_come_to_another_that_is_asked_for_by_name(
    gateway: Gateway, mill: Mill
) -> None:
    key = gateway.issue(models=("openai/*", "claude/*"))
    for model in ("openai/gpt-image-1", "claude/anything"):
        body: JsonObject = {"model": model, "prompt": "x"}
        answer = call(
            gateway, "/v1/images/generations", body, authorization=f"Bearer {key}", x_keywright_provider="mill"
        )
        assert (answer.status, answer.code) == (403, "model_not_allowed")
    assert mill.seen == []


def test_what_a_body_is_said_to_be_is_what_it_was_read_as(gateway: Gateway, mill: Mill) -> None:
    key, body = f"authorization: Bearer {gateway.admin_key}", b'{"model":"mill/gpt-image-1","a":"&model=other&"}'
    two = ("content-type: multipart/form-data; boundary=A", "content-type: multipart/form-data; boundary=B")
    hidden = b'\r\n--B\r\ncontent-disposition: form-data; name="model"\r\n\r\nother\r\n--B--\r\n'
    for path, data, *headers in (
        ("/v1/images/edits", form(("model", "draw"), ("image", hidden)), *two),
        ("/native/mill/files", form(("image", hidden)), *two),
        ("/v1/images/generations", body, "content-type: application/json", two[1]),
    ):
        with raw(gateway.url) as sock:
            sock.sendall(post(path, data, key, *headers))
            assert read_answer(sock).status == 400
    assert mill.seen == []
    for path in ("/v1/images/generations", "/native/mill/chat/completions"):
        with raw(gateway.url) as sock:
            odd = ("content-type: application/x-www-form-urlencoded; charset=utf-7", "content-encoding: deflate")
            sock.sendall(post(path, body, key, *odd))
            assert read_answer(sock).status == 200
        assert mill.last.header("content-type") == "application/json"
        assert mill.last.header("content-encoding") is None
