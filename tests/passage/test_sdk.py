"""Unmodified SDKs: sound, pictures, files and batches, with a stand-in that knows the published API."""

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from mistralai.client import Mistral

from tests.conftest import shared_dir
from tests.gateway import Gateway
from tests.passage.cloud import SPEECH, Cloud
from tests.passage.conftest import OWN_KEY
from tests.passage.mill import Guest, Mill
from tests.passage.official import Spec

SOUND = bytes(range(256)) * 1000
LINES = b'{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o"}}\n'


@pytest.fixture(scope="module")
def spec() -> Spec:
    return Spec(shared_dir("specs") / "openai" / "openapi.yaml")


@pytest.fixture
def cloud(mill: Mill, spec: Spec) -> Iterator[Cloud]:
    """OpenAI's stand-in. A test fails when it saw what the API has not."""
    made = Cloud(spec, OWN_KEY)
    mill.script = made
    yield made
    assert made.complaints == []


@pytest.fixture(params=["/v1", "/openai/v1", "/native/mill"])
def client(request: pytest.FixtureRequest, gateway: Gateway, cloud: Cloud) -> Iterator[openai.OpenAI]:
    """OpenAI's own SDK, at each address at which the gateway speaks so."""
    with openai.OpenAI(
        base_url=gateway.url + request.param, api_key=gateway.issue(), max_retries=0, timeout=10
    ) as made:
        yield made


def last(gateway: Gateway) -> Any:
    return gateway.entries()[-1]


def test_speech(client: openai.OpenAI, gateway: Gateway, tmp_path: Path) -> None:
    spoken = client.audio.speech.create(model="gpt-4o-mini-tts", voice="alloy", input="hello")
    assert spoken.read() == SPEECH
    with client.audio.speech.with_streaming_response.create(model="tts-1", voice="alloy", input="hello") as response:
        response.stream_to_file(tmp_path / "hello.mp3")
    assert (tmp_path / "hello.mp3").read_bytes() == SPEECH
    assert (last(gateway).outcome, last(gateway).status) == ("ok", 200)


def test_transcription(client: openai.OpenAI, gateway: Gateway) -> None:
    file = ("a.mp3", io.BytesIO(SOUND), "audio/mpeg")
    heard = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=file, language="en")
    assert heard.text == f"gpt-4o-transcribe heard {len(SOUND)} bytes"
    entry = last(gateway)
    if entry.endpoint == "transcriptions":
        assert (entry.model, entry.usage.audio_input, entry.usage.output) == ("gpt-4o-transcribe", 10, 7)
        assert entry.cost_picodollars > 0
    with pytest.warns(DeprecationWarning, match="deprecated"):
        told = client.audio.translations.create(model="whisper-1", file=file)
    assert told.text == f"whisper-1 heard {len(SOUND)} bytes"


def test_transcription_as_a_stream(client: openai.OpenAI) -> None:
    file = ("a.mp3", io.BytesIO(SOUND), "audio/mpeg")
    events = [*client.audio.transcriptions.create(model="gpt-4o-transcribe", file=file, stream=True)]
    assert [event.type for event in events] == ["transcript.text.delta", "transcript.text.done"]


def test_pictures(client: openai.OpenAI, gateway: Gateway) -> None:
    made = client.images.generate(model="gpt-image-1", prompt="a house", size="1024x1024")
    assert made.data is not None
    assert made.data[0].b64_json == "QUJD" * 50_000
    edited = client.images.edit(model="gpt-image-1", image=("a.png", b"\x89PNG", "image/png"), prompt="more")
    assert edited.usage is not None
    entry = last(gateway)
    if entry.endpoint == "images":
        assert (entry.usage.input, entry.usage.image_input, entry.usage.image_output) == (10, 40, 1000)
    with pytest.warns(DeprecationWarning, match="deprecated"):
        varied = client.images.create_variation(image=("a.png", b"\x89PNG", "image/png"))
    assert varied.data


def test_moderation(client: openai.OpenAI) -> None:
    assert not client.moderations.create(input="hello").results[0].flagged
    assert not client.moderations.create(input="hello", model="omni-moderation-latest").results[0].flagged


def test_files(client: openai.OpenAI, cloud: Cloud, gateway: Gateway) -> None:
    made = client.files.create(file=("a.jsonl", LINES * 2000), purpose="batch")
    assert cloud.files[made.id][1] == LINES * 2000
    assert client.files.retrieve(made.id).bytes == len(LINES) * 2000
    assert client.files.content(made.id).read() == LINES * 2000
    assert [file.id for file in client.files.list(limit=10)] == [made.id]
    assert client.files.delete(made.id).deleted
    with pytest.raises(openai.NotFoundError, match="No such File object"):
        client.files.retrieve(made.id)
    assert (last(gateway).outcome, last(gateway).status) == ("failed", 404)


def test_a_file_in_parts(client: openai.OpenAI, cloud: Cloud) -> None:
    made = client.uploads.create(filename="a.jsonl", bytes=len(LINES) * 2, mime_type="text/jsonl", purpose="batch")
    parts = [client.uploads.parts.create(made.id, data=LINES).id for _ in range(2)]
    assert client.uploads.complete(made.id, part_ids=parts).status == "completed"
    assert cloud.parts == [LINES, LINES]
    assert client.uploads.cancel(made.id).status == "cancelled"


def test_batches(client: openai.OpenAI) -> None:
    file = client.files.create(file=("a.jsonl", LINES), purpose="batch")
    made = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
    assert client.batches.retrieve(made.id).status == "validating"
    assert client.batches.cancel(made.id).status == "cancelling"
    assert [batch.id for batch in client.batches.list(limit=2)] == [made.id]


def test_a_wrong_key_is_the_sdk_s_own_error(gateway: Gateway) -> None:
    for path in ("/v1", "/native/mill"):
        with openai.OpenAI(base_url=gateway.url + path, api_key="sk-kw-no", max_retries=0) as stranger:
            with pytest.raises(openai.AuthenticationError):
                stranger.files.list()
            with pytest.raises(openai.AuthenticationError):
                stranger.audio.transcriptions.create(model="whisper-1", file=("a.mp3", SOUND * 40))


def test_a_key_with_models_is_told_so_by_the_sdk(gateway: Gateway, cloud: Cloud) -> None:
    key = gateway.issue(models=("mill/whisper-1",))
    with openai.OpenAI(base_url=f"{gateway.url}/v1", api_key=key, max_retries=0) as narrow:
        assert narrow.audio.transcriptions.create(model="whisper-1", file=("a.mp3", SOUND)).text
        with pytest.raises(openai.PermissionDeniedError, match="restricted to certain models"):
            narrow.batches.create(input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h")
    assert cloud.batches == {}


def test_anthropic_s_sdk_over_a_native_path(gateway: Gateway, mill: Mill) -> None:
    said = {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "claude-haiku-4-5",
        "stop_reason": "end_turn",
        "content": [{"type": "text", "text": "hi"}],
        "usage": {"input_tokens": 3, "output_tokens": 4},
    }

    async def script(guest: Guest) -> None:
        await guest.pieces()
        await guest.answer(200, json.dumps(said).encode(), "content-type: application/json")

    mill.script = script
    with anthropic.Anthropic(base_url=f"{gateway.url}/native/claude", api_key=gateway.issue(), max_retries=0) as client:
        message = client.messages.create(
            model="claude-haiku-4-5", max_tokens=9, messages=[{"role": "user", "content": "x"}]
        )
    assert message.usage.output_tokens == 4
    assert (mill.last.target, mill.last.header("x-api-key")) == ("/claude/v1/messages", OWN_KEY)
    entry = last(gateway)
    assert (entry.served, entry.usage.input, entry.usage.output) == ("claude/claude-haiku-4-5", 3, 4)
    assert entry.cost_picodollars == 3 * 1_000_000 + 4 * 5_000_000


def test_mistral_s_sdk_reads_pages_and_keeps_files(gateway: Gateway, mill: Mill) -> None:
    page = {"index": 0, "markdown": "hi", "images": [], "dimensions": None}
    read = {"pages": [page], "model": "mistral-ocr-latest", "usage_info": {"pages_processed": 1}}
    kept = {
        "id": "6fdd5da4-6b5f-4c3b-8ac5-6a1c9b4e2a10",
        "object": "file",
        "bytes": len(LINES),
        "created_at": 1,
        "filename": "a.jsonl",
        "purpose": "batch",
        "sample_type": "batch_request",
        "source": "upload",
    }
    heard = {"model": "voxtral-mini-latest", "text": "hi", "language": "en", "segments": [], "usage": {
        "prompt_tokens": 4, "completion_tokens": 5, "total_tokens": 9, "prompt_audio_seconds": 2}}  # fmt: skip

    async def script(guest: Guest) -> None:
        await guest.pieces()
        said = {"ocr": read, "files": kept, "transcriptions": heard}[guest.seen.target.rpartition("/")[2]]
        await guest.answer(200, json.dumps(said).encode(), "content-type: application/json")

    mill.script = script
    with Mistral(api_key=gateway.issue(), server_url=gateway.url, timeout_ms=10_000) as client:
        document = {"type": "document_url", "document_url": "https://x.example/a.pdf"}
        assert client.ocr.process(model="mistral-ocr-latest", document=document).pages[0].markdown == "hi"
        assert (
            client.files.upload(file={"file_name": "a.jsonl", "content": LINES}, purpose="batch").filename == "a.jsonl"
        )
        assert mill.last.target == "/mistral/v1/files"
        file = {"file_name": "a.mp3", "content": SOUND}
        assert client.audio.transcriptions.complete(model="voxtral-mini-latest", file=file).text == "hi"
    entry = last(gateway)
    assert (entry.provider, entry.endpoint, entry.usage.output) == ("mistral", "transcriptions", 5)
