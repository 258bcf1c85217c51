"""Runs every feature from every client's dialect to every provider, and says what became of it.

A client's words are made by its dialect's own upstream face, and a provider's by its dialect's own client face: so what
a cell says is what two independent halves of a dialect agree on. A feature that arrives changed without a loss that
says so is a fault, and raises.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.snapshot import bundled
from keywright.core.ability import Abilities
from keywright.core.dialect import Dialect, PathSaid
from keywright.core.failure import Failure, FailureKind
from keywright.core.fold import fold, unfold
from keywright.core.loss import Loss
from keywright.core.message import Text, Thinking, Turn
from keywright.core.request import Reasoning, Request
from keywright.core.response import Response
from keywright.dialects import DIALECTS
from keywright.providers import PROVIDERS
from keywright.providers.provider import Provider, endpoint
from tests.conformance.matrix.features import FEATURES, Feature, answering, asking

Outcome: TypeAlias = Literal["exact", "carried", "with loss", "refused", "no words"]
"""`exact`: the client's own bytes pass. `no words`: one of the two dialects has none for it."""

REPLAY, ERRORS = "thinking replay", "errors"
COLUMNS = (*(feature.name for feature in FEATURES), REPLAY, ERRORS)

MODELS: dict[str, str] = {
    "openai": "gpt-5-mini",
    "anthropic": "claude-opus-4-5",
    "gemini": "gemini-2.5-pro",
    "bedrock": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "mistral": "mistral-medium-latest",
    "cohere": "command-a-03-2025",
    "azure": "gpt-4o",
    "vertex": "gemini-2.5-pro",
    "openrouter": "anthropic/claude-opus-4.5",
    "groq": "openai/gpt-oss-120b",
    "deepseek": "deepseek-chat",
    "xai": "grok-4",
    "perplexity": "sonar-pro",
    "moonshot": "kimi-k2",
    "zai": "GLM-4.5",
}
"""The model that stands for a provider; where none is named, one about which nothing is known."""

FAILURES: tuple[tuple[FailureKind, int], ...] = (
    ("invalid_request", 400),
    ("context_too_long", 400),
    ("authentication", 401),
    ("permission", 403),
    ("not_found", 404),
    ("rate_limited", 429),
    ("overloaded", 503),
    ("server", 500),
)


PASSING: dict[FailureKind, str] = {"overloaded": "passing", "server": "passing", "timeout": "passing"}
"""Kinds between which many dialects do not tell: whoever hears one tries again."""


@dataclass(frozen=True)
class Cell:
    """What became of one feature. `losses`: what was dropped or is missing, in the client's words."""

    outcome: Outcome
    losses: tuple[str, ...] = ()


class LostSilentlyError(AssertionError):
    """Something was changed on its way and nobody said so."""


@dataclass(frozen=True)
class Road:
    """From a client's dialect to a provider's model and back."""

    client: Dialect
    provider: Dialect
    model: str
    abilities: Abilities
    verbatim: bool


def roads() -> Iterator[tuple[str, str, Road]]:
    """Client's dialect, provider, and the road between them."""
    catalogue = Catalogue(bundled())
    for client in DIALECTS.values():
        for row in PROVIDERS:
            model = MODELS.get(row.name, "some-model")
            there = endpoint(row, "chat", client.NAME, model, frozenset(setting.name for setting in row.settings))
            assert there is not None, row.name
            provider = DIALECTS[there.dialect]
            abilities = _abilities(catalogue, row, model)
            yield client.NAME, row.name, Road(client, provider, model, abilities, client.NAME in provider.CARRIES)


def run() -> dict[str, dict[str, dict[str, Cell]]]:
    """Every cell: client's dialect → provider → feature."""
    matrix: dict[str, dict[str, dict[str, Cell]]] = {}
    known: dict[tuple[str, str, str, Abilities], dict[str, Cell]] = {}
    for client, provider, road in roads():
        alike = (
            client,
            road.provider.NAME,
            "" if road.provider.NAME != "bedrock_invoke" else road.model,
            road.abilities,
        )
        if alike not in known:
            known[alike] = _cells(road)
        matrix.setdefault(client, {})[provider] = known[alike]
    return matrix


def _cells(road: Road) -> dict[str, Cell]:
    cells = {feature.name: _cell(feature, road) for feature in FEATURES}
    return {**cells, REPLAY: _replayed(road), ERRORS: _errors(road)}


def _cell(feature: Feature, road: Road) -> Cell:
    if road.verbatim:
        words = _client_words(feature.request, road)
        return Cell("no words") if words is None or _is_missing(feature, words) else Cell("exact")
    parts = []
    if feature.asked is not None:
        parts.append(_asked(feature, road))
    if feature.response is not None and not (parts and parts[0].outcome in {"refused", "no words"}):
        parts.append(_answered(feature, road))
    return _worst(parts)


def _worst(cells: list[Cell]) -> Cell:
    order: tuple[Outcome, ...] = ("exact", "carried", "with loss", "no words", "refused")
    worst = max(cells, key=lambda cell: order.index(cell.outcome))
    return Cell(worst.outcome, tuple(dict.fromkeys(loss for cell in cells for loss in cell.losses)))


def _client_words(request: Request, road: Road) -> Request | None:
    """The request as the client's dialect says and reads it; None when it has no words for it."""
    encoded = road.client.encode_request(request, "m", ABLE_TO_ALL)
    if any(loss.weight == "meaning" for loss in encoded.losses):
        return None
    return road.client.decode_request(encoded.body, PathSaid("m", request.stream))


def _is_missing(feature: Feature, request: Request) -> bool:
    return feature.asked is not None and not _same(feature.asked(request), feature.asked(feature.request))


def _asked(feature: Feature, road: Road) -> Cell:
    assert feature.asked is not None
    words = _client_words(feature.request, road)
    if words is None or _is_missing(feature, words):
        return Cell("no words")
    encoded = road.provider.encode_request(words, road.model, road.abilities)
    losses = [Loss(road.client.locate(loss.path, words), loss.why, loss.weight) for loss in encoded.losses]
    refused = tuple(f"{loss.path}: {loss.why}" for loss in losses if loss.weight == "meaning")
    if refused:
        return Cell("refused", refused)
    arrived = road.provider.decode_request(encoded.body, PathSaid(road.model, words.stream))
    dropped = tuple(f"{loss.path}: {loss.why}" for loss in losses)
    if not _same(feature.asked(arrived), feature.asked(words)) and not dropped:
        seen = (feature.asked(words), feature.asked(arrived))
        raise LostSilentlyError(f"{feature.name} from {road.client.NAME} to {road.provider.NAME}: {seen}")
    return Cell("with loss", dropped) if dropped else Cell("carried")


def _same(one: object, other: object) -> bool:
    return one == other and one not in (False, None, [], ())


def _answered(feature: Feature, road: Road) -> Cell:
    assert feature.response is not None
    assert feature.answered is not None
    wanted = feature.response(road.provider.NAME)
    theirs = _through(road.provider, wanted, feature.request, streamed=feature.streamed)[0]
    if not _same(feature.answered(theirs), feature.answered(wanted)):
        return Cell("no words", (f"{road.provider.NAME} has no words for it in answers",))
    ours, losses = _through(road.client, theirs, feature.request, streamed=feature.streamed)
    if _same(feature.answered(ours), feature.answered(theirs)):
        return Cell("carried")
    dropped = tuple(f"{loss.path}: {loss.why}" for loss in losses)
    if not dropped and _can_say(feature, road.client):
        seen = (feature.answered(theirs), feature.answered(ours))
        raise LostSilentlyError(f"{feature.name} from {road.provider.NAME} back to {road.client.NAME}: {seen}")
    return Cell("with loss", dropped or (f"{road.client.NAME} has no words for it in answers",))


def _can_say(feature: Feature, dialect: Dialect) -> bool:
    """Whether the dialect can say it in an answer at all, when it comes from itself."""
    assert feature.response is not None
    assert feature.answered is not None
    wanted = feature.response(dialect.NAME)
    again = _through(dialect, wanted, feature.request, streamed=feature.streamed)[0]
    return _same(feature.answered(again), feature.answered(wanted))


def _through(
    dialect: Dialect, response: Response, request: Request, *, streamed: bool
) -> tuple[Response, tuple[Loss, ...]]:
    """`response` as the dialect writes and reads it."""
    if not streamed:
        encoded = dialect.encode_response(response, request)
        return dialect.decode_response(encoded.body), encoded.losses
    writer, reader = dialect.StreamWriter(request), dialect.StreamReader()
    written = b"".join(writer.write(event) for event in unfold(response))
    return fold([*reader.feed(written), *reader.end()]), tuple(writer.losses)


def _replayed(road: Road) -> Cell:
    """Thinking that the provider signed, shown to the client, and sent back by it in the next turn."""
    request = asking(reasoning=Reasoning(effort="medium"))
    theirs = _signed(road.provider, request)
    if theirs is None:
        return Cell("no words")
    ours = _through(road.client, theirs, request, streamed=False)[0]
    again = asking(turns=(*request.turns, Turn("assistant", ours.choices[0].parts), *request.turns))
    words = _client_words(again, road)
    if words is None or len(words.turns) == 1 or _signatures(words.turns[1].parts) != ["c2lnbmVk"]:
        return Cell("with loss", (f"{road.client.NAME} has no words for signed thinking",))
    if road.verbatim:
        return Cell("exact")
    encoded = road.provider.encode_request(words, road.model, road.abilities)
    arrived = road.provider.decode_request(encoded.body, PathSaid(road.model))
    if any("c2lnbmVk" in _signatures(turn.parts) for turn in arrived.turns):
        return Cell("carried")
    dropped = tuple(f"{road.client.locate(loss.path, words)}: {loss.why}" for loss in encoded.losses)
    if not dropped:
        raise LostSilentlyError(f"signed thinking from {road.client.NAME} to {road.provider.NAME}")
    return Cell("with loss", dropped)


def _signed(provider: Dialect, request: Request) -> Response | None:
    """An answer with thinking that the provider signed, by its own name or that of the dialect whose shape it has."""
    for origin in (provider.NAME, *DIALECTS):
        signed = answering(Thinking("because", "c2lnbmVk", origin), Text("so"))
        theirs = _through(provider, signed, request, streamed=False)[0]
        if _signatures(theirs.choices[0].parts) == ["c2lnbmVk"]:
            return theirs
    return None


def _signatures(parts: tuple[object, ...]) -> list[str | None]:
    return [part.signature for part in parts if isinstance(part, Thinking)]


def _errors(road: Road) -> Cell:
    """Each kind of failure, in the provider's words and then in the client's."""
    changed = []
    for kind, status in FAILURES:
        said = road.provider.encode_error(Failure(kind, status, kind, "it failed"), "req_1")
        theirs = road.provider.decode_error(status, said)
        ours = road.client.decode_error(theirs.status, road.client.encode_error(theirs, "req_1"))
        if (ours.status, PASSING.get(ours.kind, ours.kind)) != (theirs.status, PASSING.get(theirs.kind, theirs.kind)):
            changed.append(f"{theirs.kind} ({theirs.status}) is heard as {ours.kind}")
    return Cell("with loss", tuple(changed)) if changed else Cell("exact" if road.verbatim else "carried")


def _abilities(catalogue: Catalogue, row: Provider, model: str) -> Abilities:
    known = catalogue.find(row.catalogue or row.name, model)
    return known.abilities if known is not None else catalogue.abilities(model)


ABLE_TO_ALL = Abilities(audio=True, reasoning="effort", output_tokens_max=64_000)
"""What a client's own words may say."""
