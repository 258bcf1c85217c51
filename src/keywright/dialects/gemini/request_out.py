"""A canonical request to the body for the API. The model and whether a stream is wanted go into the path, not here."""

from keywright.core.ability import Abilities
from keywright.core.dialect import Encoded
from keywright.core.json import JsonObject
from keywright.core.loss import Loss
from keywright.core.request import Request
from keywright.dialects.gemini.config import write_config
from keywright.dialects.gemini.contents_out import Conversation
from keywright.dialects.gemini.thinking import thinking_config
from keywright.dialects.gemini.tools import write_tools
from keywright.dialects.gemini.wire import CONFIG, TOOL_CONFIG, Node, own, rendered, report_foreign

DEFAULT_TIERS = ("auto", "default", "standard", "standard_only")
"""The words of other dialects for the terms on which the API serves whom says nothing."""


def encode_request(request: Request, model: str, abilities: Abilities) -> Encoded:
    """The body that asks for what `request` says, and what could not be said."""
    del model
    losses: list[Loss] = []
    body = request_node(request, abilities, losses)
    return Encoded(rendered(body), tuple(losses))


def request_node(request: Request, abilities: Abilities, losses: list[Loss]) -> Node:
    """The body that asks for what `request` says; what could not be said is added to `losses`."""
    body: Node = {}
    conversation = Conversation(request.turns, abilities, losses)
    if conversation.system:
        body["systemInstruction"] = {"parts": conversation.system}
    body["contents"] = conversation.contents
    if request.tools or request.tool_choice is not None:
        write_tools(request, abilities, body, losses)
    config: Node = {}
    write_config(request, abilities, config, losses)
    if request.reasoning is not None:
        thinking = thinking_config(request.reasoning, abilities, losses)
        if thinking is not None:
            config["thinkingConfig"] = thinking
    _report_rest(request, losses)
    if request.extras:
        _write_extras(own(request.extras), body, config)
        report_foreign(request.extras, "", losses)
    if config:
        body["generationConfig"] = config
    return body


def _report_rest(request: Request, losses: list[Loss]) -> None:
    """What the API has no field for."""
    if request.user is not None:
        losses.append(Loss("user", "Gemini is told of no users"))
    if request.metadata:
        losses.append(Loss("metadata", "Gemini keeps no metadata"))
    if request.service_tier is not None and request.service_tier not in DEFAULT_TIERS:
        losses.append(Loss("service_tier", f"Gemini has no tier like {request.service_tier!r}"))
    if request.cache is not None:
        losses.append(Loss("cache", "Gemini caches by itself and has no marks"))


def _write_extras(extras: JsonObject, body: Node, config: Node) -> None:
    """Put back what the client's request said beyond the model, where it stood."""
    tool_config: JsonObject = {}
    for name, value in extras.items():
        if name.startswith(CONFIG):
            config[name.removeprefix(CONFIG)] = value
        elif name.startswith(TOOL_CONFIG):
            tool_config[name.removeprefix(TOOL_CONFIG)] = value
        else:
            body[name] = value
    if tool_config:
        there = body.get("toolConfig")
        body["toolConfig"] = {**there, **tool_config} if isinstance(there, dict) else tool_config
