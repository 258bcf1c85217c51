"""A client's request to the canonical request.

The path says the model and whether a stream is wanted; the body says the rest. What is modelled is checked and named
when wrong; what is not goes into `extras` untouched, down to unknown members of `inferenceConfig` and of the fields
that only the model has.
"""

from typing import Final

import msgspec

from keywright.core.dialect import BODY_SAYS, PathSaid
from keywright.core.json import NO_EXTRAS, Json, JsonObject
from keywright.core.message import Part, Role, ToolResult, Turn
from keywright.core.request import Format, JsonSchemaFormat, Reasoning, Request, Sampling, ToolChoice
from keywright.dialects.bedrock_converse.knobs import EFFORTS, Said, said_of
from keywright.dialects.bedrock_converse.parts import parts_of
from keywright.dialects.bedrock_converse.tools import choice_of, tools_of
from keywright.dialects.bedrock_converse.wire import NAME, parsed, strings
from keywright.dialects.fields import Fields, WrongFieldError
from keywright.dialects.refusal import refused
from keywright.dialects.seal import unsealed

_ROLES: Final[dict[str, Role]] = {"user": "user", "assistant": "assistant", "system": "system"}


def decode_request(body: bytes, said: PathSaid = BODY_SAYS) -> Request:
    """The request that `body` is, to the model that its path named.

    Raises:
        RefusedError: 400 `invalid_json`, or `invalid_request` naming the field.
    """
    try:
        node = parsed(body)
    except ValueError as error:
        raise refused("invalid_json", f"the body cannot be read: {error}") from None
    try:
        return request_of(node, said)
    except WrongFieldError as error:
        raise refused("invalid_request", str(error), error.path) from None
    except RecursionError:
        raise refused("invalid_request", "messages: blocks are nested too deep", "messages") from None


def request_of(node: JsonObject, path_said: PathSaid) -> Request:
    """The request that a body in plain JSON is.

    Raises:
        WrongFieldError: a member is missing or of the wrong type.
    """
    fields = Fields(node)
    fields.json("modelId")  # the SDK's argument, which some clients leave in the body; the path has it
    config = fields.object("inferenceConfig") or Fields({}, "inferenceConfig")
    tools = fields.object("toolConfig") or Fields({}, "toolConfig")
    said = _additional(fields)
    turns = _turns(fields)
    output_tokens_max = config.count("maxTokens", 1)
    stop = strings(config.array("stopSequences"), "inferenceConfig.stopSequences")
    sampling = Sampling(temperature=config.number("temperature"), top_p=config.number("topP"), top_k=said.top_k)
    declared = tools_of(tools.array("tools"), "toolConfig.tools")
    choice = _choice(tools, said)
    wanted, effort = _output_config(fields)
    metadata = _metadata(fields)
    tier = _tier(fields)
    for rest in (config, tools):
        if rest.left:
            fields.keep(rest.path, rest.left)
    return Request(
        model=path_said.model,
        turns=turns,
        tools=declared,
        tool_choice=choice,
        output_tokens_max=output_tokens_max,
        stop=stop,
        sampling=sampling,
        reasoning=_reasoning(said.reasoning, effort),
        format=wanted,
        stream=path_said.stream,
        service_tier=tier,
        metadata=metadata,
        extras={NAME: fields.left} if fields.left else NO_EXTRAS,
    )


def _turns(fields: Fields) -> tuple[Turn, ...]:
    turns: list[Turn] = []
    system = parts_of(fields.array("system"), "system")
    if system:
        turns.append(Turn("system", system))
    messages = fields.array("messages")
    if not messages:
        raise WrongFieldError("messages", "a list of at least one message")
    for index, message in enumerate(messages):
        _read_turn(Fields(message, f"messages[{index}]"), turns)
    return tuple(turns)


def _read_turn(message: Fields, turns: list[Turn]) -> None:
    """Add the turn that `message` is. The tool results in it stand in `tool` turns of their own."""
    role = _ROLES.get(message.needed_text("role"))
    if role is None:
        raise WrongFieldError(message.at("role"), "user, assistant or system")
    parts = parts_of(message.array("content"), message.at("content"))
    if role == "assistant":
        parts = unsealed(parts)
    extras = message.extras(NAME)
    if role != "user" or not any(isinstance(part, ToolResult) for part in parts):
        turns.append(Turn(role, parts, extras=extras))
        return
    results: tuple[Part, ...] = tuple(part for part in parts if isinstance(part, ToolResult))
    others = tuple(part for part in parts if not isinstance(part, ToolResult))
    if turns and turns[-1].role == "tool" and not extras:
        results = (*turns.pop().parts, *results)
    turns.append(Turn("tool", results, extras=extras))
    if others:
        turns.append(Turn("user", others))


def _additional(fields: Fields) -> Said:
    """What the model's own fields say. Their spelling is kept for a model whose vendor is not known."""
    value = fields.json("additionalModelRequestFields")
    if value is None:
        return Said()
    said = said_of(Fields(value, "additionalModelRequestFields").left)
    if said.rest:
        fields.keep("additionalModelRequestFields", said.rest)
    if said.spelled:
        fields.keep("reasoning", said.spelled)
    return said


def _choice(tools: Fields, said: Said) -> ToolChoice | None:
    value = tools.json("toolChoice")
    choice = choice_of(value, "toolConfig.toolChoice")
    if choice is None and value is not None:
        tools.keep("toolChoice", value)
    if said.parallel is None:
        return choice
    return msgspec.structs.replace(choice or ToolChoice(), parallel=said.parallel)


def _output_config(fields: Fields) -> tuple[Format | None, Json]:
    """The form of the answer and the effort."""
    config = fields.object("outputConfig")
    if config is None:
        return None, None
    effort = config.json("effort")
    if effort is not None and not (isinstance(effort, str) and effort in EFFORTS):
        config.keep("effort", effort)
        effort = None
    written = config.json("textFormat")
    wanted = _schema_format(written)
    if wanted is None and written is not None:
        config.keep("textFormat", written)
    if config.left:
        fields.keep("outputConfig", config.left)
    return wanted, effort


def _schema_format(written: Json) -> JsonSchemaFormat | None:
    """The format that holds to a schema, which is JSON within a string here; None for any other."""
    match written:
        case {"type": "json_schema", "structure": {"jsonSchema": {"schema": str(text), **rest}}}:
            try:
                schema = msgspec.json.decode(text, type=dict[str, Json])
            except (msgspec.DecodeError, RecursionError):
                return None
            name, description = rest.get("name"), rest.get("description")
            if rest.keys() - {"name", "description"}:
                return None
            return JsonSchemaFormat(
                schema,
                name=name if isinstance(name, str) else None,
                description=description if isinstance(description, str) else None,
                strict=True,  # this API always holds to a schema
            )
        case _:
            return None


def _reasoning(said: Reasoning | None, effort: Json) -> Reasoning | None:
    if not isinstance(effort, str):
        return said
    return msgspec.structs.replace(said or Reasoning(), effort=effort)


def _metadata(fields: Fields) -> dict[str, Json] | None:
    metadata = fields.object("requestMetadata")
    return None if metadata is None or not metadata.left else metadata.left


def _tier(fields: Fields) -> str | None:
    value = fields.json("serviceTier")
    match value:
        case {"type": str(word), **rest} if not rest:
            return word
        case None:
            return None
        case _:
            fields.keep("serviceTier", value)
            return None
