"""Which names lead where: `provider/model`, an alias, or a bare name that the catalogue knows.

A `Source` is a provider as it is configured here, with one credential. A `Target` is a model at a source. A `Lane` is
how a client's dialect gets to that target. All are made once and looked up afterwards.
"""

from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote

from msgspec import Struct

from keywright.catalog.catalogue import Catalogue, Model, nearest
from keywright.catalog.price import Price
from keywright.core.ability import Abilities
from keywright.core.dialect import Wire
from keywright.core.http import Header, HttpRequest, Origin, Reach
from keywright.dialects import WIRES
from keywright.providers.provider import MODEL, EndpointKind, Provider, endpoint, named_in

NAMES_REMEMBERED: Final = 10_000
"""How many requested names a snapshot remembers: a client that invents names cannot grow it without bound."""

MODEL_CHARACTERS_MAX: Final = 256

_NOT_IN_PATHS: Final = frozenset("%\\?#;")
"""What no model's name has that stands in a path: escaped it would be harmless, were nobody to decode it twice."""


class Credential(Protocol):
    """A secret that knows how to apply itself to a request, and shows nothing but its fingerprint."""

    @property
    def fingerprint(self) -> str: ...
    @property
    def renews(self) -> Literal[False]: ...
    def apply(self, request: HttpRequest, origin: Origin) -> HttpRequest: ...
    def redact(self, text: bytes) -> bytes: ...
    def begun(self, text: bytes) -> int: ...


class RenewingCredential(Protocol):
    """Gives a credential for each request, a new one when the old one has run out. Raises SecretError if it cannot.

    `mended`, told that the provider has refused one, says whether there is another now.
    """

    @property
    def fingerprint(self) -> str: ...
    @property
    def renews(self) -> Literal[True]: ...
    async def current(self) -> Credential: ...
    async def mended(self, used: Credential) -> bool: ...


class Breaker(Protocol):
    """Whether a credential is worth trying now. Times are seconds of a monotonic clock."""

    def allow(self, now: float) -> bool: ...
    def wait_s(self, now: float) -> float: ...
    def succeeded(self, now: float) -> None: ...
    def failed(self, now: float, cool_down_s: float | None) -> None: ...


class Source(Struct, frozen=True, eq=False):
    """A configured provider with one of its credentials.

    `base_path` is the path of its address, without a trailing slash; `headers` what the operator adds to each request;
    `serves` the globs of the models that it may serve (all, when empty); `listed` the models that the provider itself
    says it has, where the catalogue does not know them; `fee_bp` basis points that a gateway adds to the price;
    `settings` what its paths name; `deployments` what it calls a model.
    """

    name: str
    row: Provider
    reach: Reach
    base_path: str
    credential: Credential | RenewingCredential
    breaker: Breaker
    headers: tuple[Header, ...] = ()
    serves: tuple[str, ...] = ()
    listed: tuple[str, ...] = ()
    fee_bp: int = 0
    settings: Mapping[str, str] = {}
    deployments: Mapping[str, str] = {}


class Lane(Struct, frozen=True):
    """How to ask: the path (of a stream, `stream_path`), headers without the credential, the dialect spoken there."""

    dialect: Wire[Any, Any]
    verbatim: bool
    path: bytes
    stream_path: bytes
    headers: tuple[Header, ...]
    passed: frozenset[bytes]
    answered: frozenset[bytes]
    usage_headers: tuple[bytes, bytes] | None = None
    error_header: bytes = b""


class Target(Struct, frozen=True, eq=False):
    """One model at one source. `model` is the provider's own name for it, `header` its full name for a header;
    `price` what it costs, where that does not depend on the time.
    """

    source: Source
    model: str
    name: str
    abilities: Abilities
    known: Model | None
    header: bytes
    price: Price | None = None
    lanes: dict[tuple[EndpointKind, str], Lane] = {}

    def lane(self, kind: EndpointKind, client: str) -> Lane | None:
        """The way from a client that speaks `client`; None when the provider has no such endpoint."""
        lane = self.lanes.get((kind, client))
        if lane is None:
            lane = _lane(self.source, kind, client, self.model)
            if lane is not None:
                self.lanes[kind, client] = lane
        return lane


class Routes:
    """Every name that leads somewhere. Immutable but for what it remembers."""

    def __init__(self, sources: Iterable[Source], aliases: Mapping[str, tuple[str, ...]], catalogue: Catalogue) -> None:
        self.sources = tuple(sources)
        self.aliases = aliases
        self._catalogue = catalogue
        self._declared = frozenset(name for route in aliases.values() for name in route)
        self._found: dict[str, tuple[Target, ...]] = {}

    def find(self, name: str) -> tuple[Target, ...]:
        """The targets of `name`, in the order in which they are tried; empty when it is unknown."""
        found = self._found.get(name)
        if found is None:
            found = self._resolve(name) if len(name) <= MODEL_CHARACTERS_MAX else ()
            if len(self._found) < NAMES_REMEMBERED:
                self._found[name] = found
        return found

    def aliased(self, name: str) -> tuple[Target, ...]:
        """The targets of `name` when it is an alias; none when it is not."""
        return self.find(name) if name in self.aliases else ()

    def price_of(self, target: Target, when_s: int, tier: str = "") -> Price | None:
        """What the target costs at that time (Unix seconds), at a service tier if one is given; None: nobody knows."""
        if target.price is not None and not tier:
            return target.price
        return self._catalogue.price(target.name, target.known, when_s, free=target.source.row.free, tier=tier)

    def price_of_served(self, target: Target, served: str, when_s: int, tier: str = "") -> Price | None:
        """The same of the model that a provider says it chose itself (`auto`)."""
        source = target.source
        known = self._catalogue.find(source.row.catalogue or source.name, served)
        return self._catalogue.price(f"{source.name}/{served}", known, when_s, free=source.row.free, tier=tier)

    def names(self) -> tuple[str, ...]:
        """Every name that can be listed: aliases, then `provider/model`, each once, in order."""
        listed = dict.fromkeys(self.aliases)
        for source in self.sources:
            listed.update(dict.fromkeys(f"{source.name}/{model}" for model in self._models(source)))
        return tuple(listed)

    def nearest(self, name: str, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that look most like `name`, a few."""
        return nearest(name, names)

    def _resolve(self, name: str) -> tuple[Target, ...]:
        route = self.aliases.get(name)
        if route is not None:
            return tuple(target for step in route for target in self._at_provider(step))
        return self._at_provider(name) or self._bare(name)

    def _at_provider(self, name: str) -> tuple[Target, ...]:
        provider, slash, model = name.partition("/")
        if not slash or not model:
            return ()
        targets = (self._target(source, model, name) for source in self.sources if source.name == provider)
        return tuple(target for target in targets if target is not None)

    def _bare(self, name: str) -> tuple[Target, ...]:
        for catalogue, _ in self._catalogue.bare(name):
            found = [self._target(s, name, f"{s.name}/{name}") for s in self.sources if s.row.catalogue == catalogue]
            targets = tuple(target for target in found if target is not None)
            if targets:
                return targets
        found = [self._target(s, name, f"{s.name}/{name}") for s in self.sources if name in s.listed]
        return tuple(target for target in found if target is not None)

    def _target(self, source: Source, model: str, name: str) -> Target | None:
        if source.serves and not any(fnmatchcase(model, glob) for glob in source.serves):
            return None
        known = self._catalogue.find(source.row.catalogue or source.name, _plain(model))
        is_closed = source.row.catalogue is not None and not source.row.open_models
        if known is None and is_closed and not self._is_declared(source, model, name):
            return None
        abilities = known.abilities if known is not None else self._catalogue.abilities(model)
        return Target(
            source=source,
            model=source.deployments.get(model) or dict(source.row.renamed).get(model, model),
            name=name,
            abilities=abilities,
            known=known,
            header=_ascii(name),
            price=self._catalogue.steady_price(name, known, free=source.row.free),
        )

    def _is_declared(self, source: Source, model: str, name: str) -> bool:
        """Whether the operator named this very model: in a route, in the provider's models, or with a price."""
        priced = self._catalogue.price(name, None, 0) is not None
        return priced or name in self._declared or model in source.serves or model in source.deployments

    def _models(self, source: Source) -> Iterable[str]:
        known = self._catalogue.models(source.row.catalogue or source.name)
        models = dict.fromkeys((*source.deployments, *source.listed, *(model.id for model in known)))
        if not source.serves:
            return models
        literal = (glob for glob in source.serves if not set(glob) & set("*?["))
        chosen = (model for model in models if any(fnmatchcase(model, glob) for glob in source.serves))
        return dict.fromkeys((*chosen, *literal))


def _lane(source: Source, kind: EndpointKind, client: str, model: str) -> Lane | None:
    there = endpoint(source.row, kind, client, model, frozenset(source.settings))
    if there is None or (MODEL in named_in(there.path) and not _is_for_paths(model)):
        return None
    headers = {name.encode(): value.encode("latin-1") for name, value in source.row.headers}
    headers.update(dict(source.headers))
    headers[b"content-type"] = b"application/json"
    dialect = WIRES[there.dialect]
    base = "" if there.from_root else source.base_path
    named = {name: quote(value, safe="") for name, value in {**source.settings, MODEL: model}.items()}
    path, stream_path = (
        (base + path.format_map(named)).encode() for path in (there.path, there.stream_path or there.path)
    )
    return Lane(
        dialect=dialect,
        verbatim=client in dialect.CARRIES,
        path=path,
        stream_path=stream_path,
        headers=tuple(headers.items()),
        passed=frozenset(name.encode() for name in source.row.passed_headers),
        answered=frozenset(name.encode() for name in source.row.answer_headers),
        usage_headers=_pair(source.row.usage_headers),
        error_header=source.row.error_header.encode(),
    )


def _is_for_paths(model: str) -> bool:
    """Whether `model` may stand in a path, where the provider's server, and whatever is before it, reads it escaped."""
    has_dots = not {".", ".."}.isdisjoint(model.split("/"))
    return model.isprintable() and not has_dots and _NOT_IN_PATHS.isdisjoint(model)


def _pair(names: tuple[str, str] | None) -> tuple[bytes, bytes] | None:
    return None if names is None else (names[0].encode(), names[1].encode())


def _plain(model: str) -> str:
    """The model's own name, where it is written as a resource's: the last part of an ARN."""
    return model.rpartition("/")[2] if model.startswith("arn:") else model


def _ascii(name: str) -> bytes:
    """`name` as visible ASCII: a header holds nothing else."""
    return "".join(character if "!" <= character <= "~" else "?" for character in name).encode()
