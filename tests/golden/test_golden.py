"""What each API is told for what the other said: small cases written by hand, and snapshots of their translations.

A case is a folder. `request.<dialect>.json`, `response.<dialect>.json` and `stream.<dialect>.sse` are written by hand;
`*.to-<dialect>.*` and `losses.json` are snapshots. A request that is refused has its reasons in `losses.json` and no
snapshot. After an intended change write the snapshots again, and read the difference before it is committed:

    GOLDEN_WRITE=1 python -m pytest tests/golden
"""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect, Encoded
from keywright.core.json import Json
from keywright.core.loss import Loss
from keywright.core.message import Text, Turn
from keywright.core.request import Request
from keywright.dialects import anthropic, openai_chat
from tests.conftest import shared_dir
from tests.standin.chat import ChatWire
from tests.standin.messages import OLD_VERSION, MessagesWire

HERE = Path(__file__).parent
WRITE = bool(os.environ.get("GOLDEN_WRITE"))
DIALECTS: dict[str, Dialect] = {"openai": openai_chat, "anthropic": anthropic}
MODELS = {
    "openai": ("gpt-5-mini", Abilities(reasoning="effort", output_tokens_field="max_completion_tokens")),
    "anthropic": ("claude-opus-4-5", Abilities(reasoning="adaptive", output_tokens_max=64_000)),
}
ASKED = Request("m", (Turn("user", (Text("hi"),)),), stream=True, stream_usage=True)
WAYS = (("openai", "anthropic"), ("anthropic", "openai"))

cases = pytest.mark.parametrize(
    "case", sorted(path for path in HERE.iterdir() if path.is_dir() and path.name[0] != "_"), ids=lambda path: path.name
)


def request(body: bytes, source: str, target: str) -> Encoded:
    model, abilities = MODELS[target]
    asked = DIALECTS[source].decode_request(body)
    encoded = DIALECTS[target].encode_request(asked, model, abilities)
    losses = tuple(replace(loss, path=DIALECTS[source].locate(loss.path, asked)) for loss in encoded.losses)
    return Encoded(encoded.body, losses)


def response(body: bytes, source: str, target: str) -> Encoded:
    return DIALECTS[target].encode_response(DIALECTS[source].decode_response(body), ASKED)


def stream(body: bytes, source: str, target: str) -> Encoded:
    reader, writer = DIALECTS[source].StreamReader(), DIALECTS[target].StreamWriter(ASKED)
    events = reader.feed(body) + reader.end()
    return Encoded(b"".join(map(writer.write, events)), tuple(writer.losses))


Translate = Callable[[bytes, str, str], Encoded]
KINDS: dict[str, tuple[str, Translate]] = {
    "request": ("json", request),
    "response": ("json", response),
    "stream": ("sse", stream),
}


def snapshots(case: Path) -> dict[str, str]:
    """The files that the hand-written ones of a case are translated to."""
    files: dict[str, str] = {}
    losses: dict[str, Json] = {}
    for kind, (suffix, translate) in KINDS.items():
        for source, target in WAYS:
            said = case / f"{kind}.{source}.{suffix}"
            if not said.exists():
                continue
            encoded = translate(said.read_bytes(), source, target)
            losses[f"{kind}.to-{target}"] = [plain(loss) for loss in encoded.losses]
            if kind != "request" or not refused(encoded.losses):
                text = encoded.body.decode()
                files[f"{kind}.to-{target}.{suffix}"] = text if suffix == "sse" else pretty(json.loads(text))
    return {**files, "losses.json": pretty(losses)}


def plain(loss: Loss) -> str:
    return f"{loss.weight} {loss.path}: {loss.why}"


def refused(losses: tuple[Loss, ...]) -> bool:
    return any(loss.weight == "meaning" for loss in losses)


def pretty(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


@cases
def test_a_case_is_translated_as_its_snapshots_say(case: Path) -> None:
    made = snapshots(case)
    kept = {path.name for path in case.iterdir() if ".to-" in path.name or path.name == "losses.json"}
    if WRITE:
        for name in kept - made.keys():
            (case / name).unlink()
        for name, text in made.items():
            (case / name).write_text(text, encoding="utf-8")
        return
    assert made == {name: (case / name).read_text(encoding="utf-8") for name in kept}


@cases
def test_what_a_case_sends_the_provider_takes(case: Path) -> None:
    specs = shared_dir("specs")
    messages, chat = case / "request.to-anthropic.json", case / "request.to-openai.json"
    if messages.exists():
        MessagesWire(specs).check(json.loads(messages.read_text()), {"anthropic-version": OLD_VERSION})
    if chat.exists():
        ChatWire(specs).check(json.loads(chat.read_text()), {})
    assert (case / "losses.json").exists()
