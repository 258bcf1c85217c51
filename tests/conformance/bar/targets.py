"""The dialects to which requests are translated, each with a capable model and what its provider's own words allow."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from jsonschema.exceptions import ValidationError

from keywright.core.ability import Abilities
from tests.conformance.bar.recordings import Body
from tests.conftest import shared_dir
from tests.dialects.cohere.official import check_request as check_cohere
from tests.dialects.gemini.official import proto, vertex
from tests.dialects.mistral.official import complaint, published
from tests.dialects.ollama.official import check_request as check_ollama
from tests.dialects.openai_completions.official import check_request as check_completions
from tests.dialects.openai_responses.official import complaint_about_request
from tests.dialects.tgi.official import check_request as check_tgi
from tests.standin.botoshape import service_model
from tests.standin.chat import ChatWire
from tests.standin.messages import OLD_VERSION, MessagesWire
from tests.standin.reply import RejectedError

CLAUDE = Abilities(reasoning="adaptive", output_tokens_max=64_000)
GPT = Abilities(audio=True, reasoning="effort", output_tokens_field="max_completion_tokens")
THINKS = Abilities(reasoning="effort")
GEMINI = Abilities(audio=True, reasoning="effort", signed_calls=True, tool_files=True)


@dataclass(frozen=True)
class Target:
    """One dialect with a model of its. `check` raises, or says in words what is wrong with a body.

    `judged`: whether each refusal is held to what the API cannot be told; of the others only that it names a field.
    """

    dialect: str
    model: str
    abilities: Abilities
    check: Callable[[Body], str | None]
    judged: bool = False

    def complaint(self, body: bytes) -> str | None:
        """What the target's provider would say against `body`; None when nothing."""
        try:
            return self.check(json.loads(body))
        except (RejectedError, ValidationError) as error:
            return str(error).partition("\n")[0][:300]


@cache
def targets() -> tuple[Target, ...]:
    """All of them. A stream that is an array and Claude's body on Vertex are other dialects' requests once more."""
    specs = shared_dir("specs")
    chat, messages = ChatWire(specs), MessagesWire(specs)
    bedrock = service_model(specs / "bedrock" / "bedrock-runtime.service-2.json")

    def claude(body: Body) -> None:
        body.pop("anthropic_version", None)
        messages.check({"model": "m", **body}, {"anthropic-version": OLD_VERSION})

    def gemini(body: Body) -> str | None:
        return proto().complaint(body) or vertex().complaint(body)

    return (
        Target("openai_chat", "gpt-4o-audio-preview", GPT, lambda body: chat.check(body, {}), judged=True),
        Target("anthropic", "claude-opus-4-5", CLAUDE, claude, judged=True),
        Target("gemini", "gemini-3-pro", GEMINI, gemini, judged=True),
        Target("openai_responses", "gpt-5", THINKS, complaint_about_request),
        Target("openai_completions", "gpt-3.5-turbo-instruct", Abilities(), check_completions),
        Target("bedrock_converse", "m", CLAUDE, lambda body: bedrock.input_complaint("Converse", body)),
        Target("bedrock_invoke", "anthropic.claude-opus-4-5", CLAUDE, claude),
        Target("mistral", "m", GPT, lambda body: complaint(published(), body)),
        Target("mistral_fim", "m", GPT, lambda body: complaint(published("FIMCompletionRequest"), body)),
        Target("cohere", "m", Abilities(reasoning="budget"), check_cohere),
        Target("ollama_chat", "m", THINKS, lambda body: check_ollama("ChatRequest", body)),
        Target("ollama_generate", "m", THINKS, lambda body: check_ollama("GenerateRequest", body)),
        Target("tgi", "m", THINKS, check_tgi),
    )
