"""What can be said in text alone: parts as texts, and the losses of everything that no text can say."""

from typing import Final, assert_never

from keywright.core.loss import Loss
from keywright.core.message import (
    Audio,
    BlocksSource,
    Document,
    Image,
    Opaque,
    Part,
    PlainSource,
    RedactedThinking,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    Thinking,
    ToolCall,
    ToolResult,
)
from keywright.core.request import Request
from keywright.dialects.bedrock_invoke.wire import NAME
from keywright.dialects.foreign import foreign_losses

KNOBS: Final = ("frequency_penalty", "presence_penalty", "seed", "logit_bias", "logprobs", "top_logprobs")
"""The knobs of sampling that no shape with a prompt has."""


def lost_fields(request: Request, why: str, knobs: tuple[str, ...] = KNOBS) -> list[Loss]:
    """What no body of text alone can say; `knobs`: those of sampling that this one cannot."""
    sampling = request.sampling
    losses = [Loss(field, why) for field in knobs if getattr(sampling, field) not in (None, False, {}, [])]
    for field, said, meant in (
        ("format", request.format is not None, True),
        ("choices", request.choices not in (None, 1), True),
        ("reasoning", request.reasoning is not None and request.reasoning.mode != "off", False),
        ("user", request.user is not None, False),
        ("metadata", bool(request.metadata), False),
        ("service_tier", request.service_tier not in (None, "auto", "default"), False),
        ("cache", request.cache is not None, False),
    ):
        if said:
            losses.append(Loss(field, why, "meaning" if meant else "knob"))
    losses += foreign_losses(request.extras, NAME, "", why)
    return losses


def text_of_part(part: Part, path: str, losses: list[Loss]) -> str:
    """The text of a part; empty, with a loss, where it has none."""
    match part:
        case Text():
            if part.cache is not None:
                losses.append(Loss(f"{path}.cache", "this model knows no cache points"))
            return part.text
        case Refusal():
            return part.text
        case Document(source=PlainSource(text)):
            return text if part.title is None else f"{part.title}\n{text}"
        case Document(source=BlocksSource(parts)):
            inner = [text_of_part(each, f"{path}.parts[{index}]", losses) for index, each in enumerate(parts)]
            return "\n".join(text for text in inner if text)
        case Thinking() | RedactedThinking():
            losses.append(Loss(path, "a prompt holds no thoughts of an earlier answer"))
            return ""
        case Image() | Document() | Audio():
            losses.append(Loss(path, "this model takes text only", "meaning"))
            return ""
        case ToolCall() | ToolResult() | ServerToolCall() | ServerToolResult() | Opaque():
            losses.append(Loss(path, "this model's prompt holds text only", "meaning"))
            return ""
        case _:
            assert_never(part)


def said_by_part(part: Part, path: str, losses: list[Loss]) -> str:
    """The text of an answer's part."""
    match part:
        case Text() | Refusal():
            return part.text
        case Thinking() | RedactedThinking():
            losses.append(Loss(path, "this shape has no thoughts"))
        case _:
            losses.append(Loss(path, "this shape holds text only", "meaning"))
    return ""
