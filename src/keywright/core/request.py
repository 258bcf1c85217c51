"""What is asked: one chat request, in no dialect."""

from typing import Literal, TypeAlias

from msgspec import Struct

from keywright.core.json import NO_EXTRAS, Extras, Json, JsonObject
from keywright.core.message import CacheMark, Turn


class Tool(Struct, frozen=True, tag="function", omit_defaults=True):
    """A function of the client's. `parameters` is its JSON Schema (None: takes no arguments)."""

    name: str
    description: str | None = None
    parameters: JsonObject | None = None
    strict: bool | None = None
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS


class ServerTool(Struct, frozen=True, tag="server", omit_defaults=True):
    """A tool that only the provider of dialect `origin` knows, whole, in that dialect's shape."""

    origin: str
    kind: str
    body: JsonObject
    cache: CacheMark | None = None


AnyTool: TypeAlias = Tool | ServerTool


class ToolChoice(Struct, frozen=True, omit_defaults=True):
    """Which tools may or must be called. `named`: exactly that one; `allowed`: only the `names`, under
    `required` or not. `parallel`: whether several calls may come in one turn (None: the provider's default).
    """

    mode: Literal["auto", "none", "required", "named", "allowed"] | None = None
    names: tuple[str, ...] = ()
    required: bool = False
    parallel: bool | None = None
    extras: Extras = NO_EXTRAS


class Sampling(Struct, frozen=True, omit_defaults=True):
    """The knobs. None means: not said by the client."""

    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    logit_bias: dict[str, float] | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = None


Effort: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]


class Reasoning(Struct, frozen=True, omit_defaults=True):
    """How much the model should think before it answers.

    `mode`: `off`, `on` (with `budget_tokens`), `adaptive`, or None for "as the effort says".
    `display`: whether the client wants to see it (`summarized`, `omitted`, …), as its dialect words it.
    """

    mode: Literal["off", "on", "adaptive"] | None = None
    effort: Effort | None = None
    budget_tokens: int | None = None
    display: str | None = None


class JsonObjectFormat(Struct, frozen=True, tag="json_object"):
    """Any JSON object."""


class JsonSchemaFormat(Struct, frozen=True, tag="json_schema", omit_defaults=True):
    """JSON that a schema accepts."""

    schema: JsonObject
    name: str | None = None
    description: str | None = None
    strict: bool | None = None


Format: TypeAlias = JsonObjectFormat | JsonSchemaFormat


class Request(Struct, frozen=True, omit_defaults=True):
    """One chat request. `model` is the name as the client wrote it; the encoder is told the real one.

    `extras` holds whatever else the client's dialect said at the top level.
    """

    model: str
    turns: tuple[Turn, ...]
    tools: tuple[AnyTool, ...] = ()
    tool_choice: ToolChoice | None = None
    output_tokens_max: int | None = None
    stop: tuple[str, ...] = ()
    sampling: Sampling = Sampling()
    reasoning: Reasoning | None = None
    format: Format | None = None
    choices: int | None = None
    stream: bool = False
    stream_usage: bool | None = None
    user: str | None = None
    service_tier: str | None = None
    metadata: dict[str, Json] | None = None
    cache: CacheMark | None = None
    extras: Extras = NO_EXTRAS
