"""Where does it go? Which provider, with which credentials, and which path there."""

from fnmatch import fnmatchcase
from typing import Any, Final, NoReturn
from urllib.parse import parse_qsl, quote, unquote

from msgspec import Struct

from keywright.core.ability import Abilities
from keywright.core.dialect import PathSaid, Peek, Wire
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.dialects import WIRES, openai_chat
from keywright.pipeline.passage.address import without_key
from keywright.pipeline.passage.way import Passing, Way
from keywright.pipeline.routes import MODEL_CHARACTERS_MAX, Routes, Source, Target, all_disabled
from keywright.providers.provider import MODEL, Endpoint, EndpointKind, endpoint, named_in

POST: Final = b"POST"
WANTED: Final = b"x-keywright-provider"
"""The header by which a client chooses a provider where no model does."""

READ: Final[frozenset[EndpointKind]] = frozenset({"chat", "embeddings", "rerank", "count", "fim"})
"""The endpoints whose bodies are read on a native path: they name a model, and their answers say what was used."""
STORED: Final[frozenset[EndpointKind]] = frozenset({"files", "responses_items"})
"""Where a request without a model has none run. Everywhere else it may: a default one, or those that a file names."""


class Known(Struct, frozen=True):
    """The provider's own endpoint that a native path is: what is spoken there, and what the path says."""

    wire: str
    said: PathSaid


def known_endpoint(passing: Passing, routes: Routes) -> Known | None:
    """The endpoint that a native path is, where its body can be read; None for every other path.

    Raises:
        RefusedError: 404 `not_found`, there is no such provider; names those that there are.
    """
    way = passing.way
    sources = [source for source in routes.visible if source.name == way.provider]
    if not sources:
        names = ", ".join(dict.fromkeys(source.name for source in routes.visible)) or "none"
        _unknown(f"there is no provider {way.provider[:100]!r} here; there are: {names}")
    if passing.method != POST:
        return None
    source = sources[0]
    path, asked = "/" + unquote(way.tail.decode()), _asked_in(passing.query)
    for there in source.row.endpoints:
        if there.kind in READ and there.dialect in WIRES and not there.from_root:
            for template, is_stream in ((there.path, False), (there.stream_path, True)):
                model = _model_in(template, path, asked, source) if template else None
                if model is not None and (not model or _is_for(there, model)):
                    return Known(there.dialect, PathSaid(model, is_stream))
    return None


def targets_of(passing: Passing, peek: Peek, routes: Routes) -> tuple[Target, ...]:
    """The targets of a call that asks for `peek.model`, or for none; empty when the model is known nowhere.

    Raises:
        RefusedError: 404 `not_found`, nobody has that endpoint, or not who was asked for; 503 `credential_disabled`.
    """
    way = passing.way
    if way.endpoint == "native":
        sources = [source for source in routes.visible if source.name == way.provider]
        name = f"{way.provider}/{peek.model}"
        found = routes.find(name) if peek.model else ()
        return found or _made(sources, peek.model, way.endpoint, routes)
    sources = [source for source in routes.visible if place_at(source, way) is not None]
    wanted = next((value.decode("latin-1") for name, value in passing.call.headers if name == WANTED), "")
    chosen = [source for source in sources if source.name == wanted] if wanted else sources
    if not chosen:
        names = ", ".join(dict.fromkeys(source.name for source in sources)) or "none"
        who = f"the provider {wanted[:100]!r} has no" if wanted else "no provider here has a"
        _unknown(f"{who} {way.endpoint} endpoint; those that have one: {names}")
    if peek.model:
        known = routes.find(peek.model)
        if not known:
            routes.require_enabled(peek.model)
        having = tuple(target for target in known if target.source in chosen)
        if known and not having:
            names = ", ".join(dict.fromkeys(source.name for source in chosen))
            _unknown(f"the model {peek.model!r} has no {way.endpoint} endpoint; providers that have one: {names}")
        if having:
            return having
        provider, slash, model = peek.model.partition("/")
        named = [source for source in chosen if slash and source.name == provider]
        if named:
            return _made(named, model, way.endpoint, routes)
    return _made(_first(chosen, way), peek.model, way.endpoint, routes)


def client_of(passing: Passing, routes: Routes) -> Wire[Any, Any]:
    """In whose words the client is told what is wrong: on a native path the provider's, whose SDK calls."""
    way = passing.way
    rows = [source.row for source in routes.visible if way.endpoint == "native" and source.name == way.provider]
    return WIRES.get(rows[0].endpoints[0].dialect if rows else way.dialect, openai_chat)


def place_at(source: Source, way: Way) -> Endpoint | None:
    """The provider's endpoint for this way; None when it has none."""
    return endpoint(source.row, way.endpoint, way.dialect, "", frozenset(source.settings))


def address_at(target: Target, passing: Passing) -> bytes:
    """Path and query of the request at `target`: below the path of the provider's address, and nowhere else."""
    source, way = target.source, passing.way
    query = without_key(passing.query, passing.call.key)
    if way.endpoint == "native":
        path, own_query = f"{source.base_path}/".encode() + way.tail, ""
    else:
        there = place_at(source, way)
        assert there is not None, "a target is only made of a source that has the endpoint"
        named = {name: quote(value, safe="") for name, value in {**source.settings, MODEL: target.model}.items()}
        beginning, _, own_query = there.path.format_map(named).partition("?")
        if way.sibling:
            beginning = beginning.rpartition("/")[0] + "/" + way.sibling
        path = (("" if there.from_root else source.base_path) + beginning).encode() + way.tail
    queries = [part for part in (own_query.encode(), query) if part]
    return path + (b"?" + b"&".join(queries) if queries else b"")


def _first(sources: list[Source], way: Way) -> list[Source]:
    """Those of the first provider: one that speaks as the client does, if there is one, and of these one of which the
    project has a credential of its own.
    """
    places = [(source, place_at(source, way)) for source in sources]
    alike = [source for source, there in places if there is not None and there.dialect == way.dialect]
    able = alike or sources
    name = next((source for source in able if source.project), able[0]).name
    return [source for source in sources if source.name == name]


def _made(sources: list[Source], model: str, kind: EndpointKind, routes: Routes) -> tuple[Target, ...]:
    """Targets for a model that no catalogue lists, or for none: what it costs, only the operator can know. Who has a
    credential of its own at the provider gets no other where no model tells which are meant.

    Raises:
        RefusedError: 403 `endpoint_not_allowed`, they are for certain models; 503 `credential_disabled`.
    """
    if len(model) > MODEL_CHARACTERS_MAX:
        return ()
    own = [source for source in sources if source.project]
    able = sources if model else own or sources
    made = tuple(_target(source, model) for source in able if _may_serve(source, model, kind))
    if not made and not model:
        message = f"the operator lets {sources[0].name} serve certain models only, and this request names none"
        failure = Failure(kind="permission", status=403, code="endpoint_not_allowed", message=message)
        raise RefusedError(failure, rule="route:certain_models")
    usable = routes.usable(made)
    if made and not usable:
        raise all_disabled(made[0].name)
    return usable


def _may_serve(source: Source, model: str, kind: EndpointKind) -> bool:
    """Whether the operator lets this provider serve it."""
    if not model and source.is_for_certain_models:
        return kind in STORED
    return source.may_serve(model)


def _target(source: Source, model: str) -> Target:
    name = f"{source.name}/{model}" if model else source.name
    header = "".join(character if "!" <= character <= "~" else "?" for character in name).encode()
    return Target(
        source=source,
        model=source.deployments.get(model, model),
        name=name,
        abilities=Abilities(),
        known=None,
        header=header,
    )


def _is_for(there: Endpoint, model: str) -> bool:
    return not there.models or any(fnmatchcase(model, glob) for glob in there.models)


def _model_in(template: str, path: str, asked: frozenset[str], source: Source) -> str | None:
    """The model that `path` (unescaped: all spellings of it are one path) names if it is what `template` describes, ""
    where that names none; None if it is not.
    """
    wanted, _, query = template.partition("?")
    if not named_in(wanted) <= source.settings.keys() | {MODEL}:
        return None
    if not {part for part in query.split("&") if part and "{" not in part} <= asked:
        return None
    filled = wanted.format_map({**source.settings, MODEL: "\0"}).lower()
    path = path.rstrip("/")
    before, mark, after = filled.partition("\0")
    if not mark:
        return "" if path.lower() == filled else None
    middle = path[len(before) : len(path) - len(after)]
    is_there = path.lower().startswith(before) and path.lower().endswith(after) and middle
    return middle if is_there else None


def _asked_in(query: bytes) -> frozenset[str]:
    """The parameters of a query, however they are spelled: Google takes `$alt` for `alt`."""
    pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True)
    return frozenset(f"{name.removeprefix('$')}={value}" for name, value in pairs)


def _unknown(message: str) -> NoReturn:
    failure = Failure(kind="not_found", status=404, code="not_found", message=message)
    raise RefusedError(failure, rule="route:unknown_provider")
