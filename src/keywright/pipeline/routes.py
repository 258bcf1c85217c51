"""Which names lead where: `provider/model`, an alias, or a bare name that the catalogue knows.

A `Source` is a provider as it is configured here, with one credential. A `Target` is a model at a source. A `Lane` is
how a client's dialect gets to that target. All are made once and looked up afterwards.

A credential may be one project's own. Who has some gets routes of its own (`Routes.of`): nobody else's are in them, and
where the project's own lead to a model, those alone do. That holds while they are disabled or fail, so that no call of
a project that pays itself is ever paid by somebody else because of a mishap. All others share one set of routes, in
which no such credential exists. What is disabled leads nowhere, but is still known: a call that only finds such is told
so, and the inventory lists it.
"""

from collections.abc import Collection, Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final, Literal, Protocol
from urllib.parse import quote

from msgspec import Struct, field

from keywright.catalog.catalogue import Catalogue, Model, nearest
from keywright.catalog.price import Price
from keywright.core.ability import Abilities
from keywright.core.dialect import Wire
from keywright.core.errors import RefusedError
from keywright.core.failure import Failure
from keywright.core.http import Header, HttpRequest, Origin, Reach
from keywright.core.identity import Tags
from keywright.dialects import WIRES
from keywright.providers.provider import MODEL, EndpointKind, Provider, endpoint, named_in
from keywright.transport.gauge import Gauge

NAMES_REMEMBERED: Final = 10_000
"""How many requested names a snapshot remembers: a client that invents names cannot grow it without bound."""

MODEL_CHARACTERS_MAX: Final = 256
NAME_CHARACTERS_SHOWN: Final = 100

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
    def reset(self) -> None: ...


class Source(Struct, frozen=True, eq=False):
    """A configured provider with one of its credentials.

    `base_path` is the path of its address, without a trailing slash; `headers` what the operator adds to each request;
    `serves` the globs of the models that it may serve (all, when empty); `listed` the models that the provider itself
    says it has, where the catalogue does not know them; `fee_bp` basis points that a gateway adds to the price;
    `settings` what its paths name; `deployments` what it calls a model.

    `credential_name` is the operator's name of the credential (`openai/team-a`), `weight` its share of the calls beside
    its siblings' (None: they are tried in order), `models` the globs that it may serve of what the provider may,
    `project` the only one whose calls may use it ("": any), `tags` those of its calls. `has_siblings`: another
    credential might take its calls. `gauge`: what the provider says is left of its limits.
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
    credential_name: str = ""
    weight: int | None = None
    models: tuple[str, ...] = ()
    project: str = ""
    tags: Tags = ()
    disabled: bool = False
    has_siblings: bool = False
    gauge: Gauge = field(default_factory=Gauge)

    @property
    def is_for_certain_models(self) -> bool:
        """Whether there are models that it may not serve."""
        return bool(self.serves or self.models)

    def may_serve(self, model: str) -> bool:
        """Whether the operator lets it serve that model, by the provider's own name for it."""
        return _is_among(model, self.serves) and _is_among(model, self.models)

    def names(self, model: str) -> bool:
        """Whether the operator names that very model as one that it serves."""
        return model in self.serves or model in self.models or model in self.deployments


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
    """Every name that leads somewhere for the calls of one project, or of all that have no credentials of their own.
    Immutable but for what it remembers.

    `inventory`: every source that is configured; `visible`: those of them that these calls may know of; `sources`:
    those that are not disabled besides. `disabled`: the names of more credentials that get no calls.
    """

    def __init__(
        self,
        sources: Iterable[Source],
        aliases: Mapping[str, tuple[str, ...]],
        catalogue: Catalogue,
        disabled: Collection[str] = (),
        project: str = "",
    ) -> None:
        self.inventory = tuple(sources)
        self.visible = tuple(source for source in self.inventory if source.project in ("", project))
        self._disabled = frozenset(disabled)
        self.sources = tuple(source for source in self.visible if not self.is_disabled(source))
        self.aliases = aliases
        self.has_siblings = any(source.has_siblings for source in self.inventory)
        self._catalogue = catalogue
        self._declared = frozenset(name for route in aliases.values() for name in route)
        self._found: dict[str, tuple[Target, ...]] = {}
        self._owners = frozenset(source.project for source in self.inventory if source.project)
        self._of_owners: dict[str, Routes] = {}
        self._names_remembered = NAMES_REMEMBERED // (len(self._owners) + 1)

    def of(self, project: str) -> "Routes":
        """The routes that count for the calls of that project."""
        if project not in self._owners:
            return self
        made = self._of_owners.get(project)
        if made is None:
            made = self._of_owners[project] = Routes(
                self.inventory, self.aliases, self._catalogue, self._disabled, project
            )
        return made

    def without(self, disabled: Collection[str]) -> "Routes":
        """The same, where the credentials with these names get no calls, and no others that were disabled by name."""
        return Routes(self.inventory, self.aliases, self._catalogue, disabled)

    def priced(self, catalogue: Catalogue) -> "Routes":
        """The same, with the prices of `catalogue`."""
        return Routes(self.inventory, self.aliases, catalogue, self._disabled)

    def is_disabled(self, source: Source) -> bool:
        """Whether that source of the inventory gets no calls."""
        return source.disabled or source.credential_name in self._disabled

    def find(self, name: str) -> tuple[Target, ...]:
        """The targets of `name`, in the order in which they are tried; empty when it is unknown."""
        found = self._found.get(name)
        if found is None:
            found = self._resolve(name) if len(name) <= MODEL_CHARACTERS_MAX else ()
            if len(self._found) < self._names_remembered:
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
        if len(self.sources) == len(self.inventory):
            return tuple(listed)
        hiding = {source.name for source in self.visible if source.project and self.is_disabled(source)}
        in_doubt = {name for name in listed if name in self.aliases or name.partition("/")[0] in hiding}
        return tuple(name for name in listed if name not in in_doubt or self.find(name))

    def usable(self, targets: Iterable[Target]) -> tuple[Target, ...]:
        """Those of `targets` that a call may be sent to: no disabled one, and the project's own where it has some."""
        found = tuple(targets)
        own = {target.name for target in found if target.source.project}
        return tuple(
            target
            for target in found
            if (target.source.project or target.name not in own) and not self.is_disabled(target.source)
        )

    def require_enabled(self, name: str) -> None:
        """Return when `name` leads somewhere, or nowhere for another reason than that credentials are disabled.

        Raises:
            RefusedError: 503 `credential_disabled`.
        """
        if len(name) <= MODEL_CHARACTERS_MAX and not self.find(name) and self._candidates(name):
            raise all_disabled(f"the model {name[:NAME_CHARACTERS_SHOWN]!r}")

    def nearest(self, name: str, names: Iterable[str]) -> tuple[str, ...]:
        """Those of `names` that look most like `name`, a few."""
        return nearest(name, names)

    def _resolve(self, name: str) -> tuple[Target, ...]:
        return self.usable(self._candidates(name))

    def _candidates(self, name: str) -> tuple[Target, ...]:
        """All targets of `name`, also those that are not usable."""
        route = self.aliases.get(name)
        if route is not None:
            return tuple(target for step in route for target in self._at_provider(step))
        return self._at_provider(name) or self._bare(name)

    def _at_provider(self, name: str) -> tuple[Target, ...]:
        provider, slash, model = name.partition("/")
        if not slash or not model:
            return ()
        return self._targets((source for source in self.visible if source.name == provider), model)

    def _bare(self, name: str) -> tuple[Target, ...]:
        """The targets of the first catalogue that has some; of a project's own credentials before all others."""
        catalogues = [catalogue for catalogue, _ in self._catalogue.bare(name)]
        groups = [self._targets((s for s in self.visible if s.row.catalogue == one), name) for one in catalogues]
        groups.append(self._targets((source for source in self.visible if name in source.listed), name))
        found = tuple(target for group in groups for target in group)
        own = tuple(target for target in found if target.source.project)
        return own or next((group for group in groups if self.usable(group)), found)

    def _targets(self, sources: Iterable[Source], model: str) -> tuple[Target, ...]:
        targets = (self._target(source, model, f"{source.name}/{model}") for source in sources)
        return tuple(target for target in targets if target is not None)

    def _target(self, source: Source, model: str, name: str) -> Target | None:
        if not source.may_serve(model):
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
        return priced or name in self._declared or source.names(model)

    def _models(self, source: Source) -> Iterable[str]:
        known = self._catalogue.models(source.row.catalogue or source.name)
        models = dict.fromkeys((*source.deployments, *source.listed, *(model.id for model in known)))
        literal = (glob for glob in (*source.serves, *source.models) if not set(glob) & set("*?["))
        return dict.fromkeys(model for model in (*models, *literal) if source.may_serve(model))


def all_disabled(what: str) -> RefusedError:
    """What a call is told that only disabled credentials could serve."""
    message = f"every credential here that may serve {what} is disabled"
    failure = Failure(kind="overloaded", status=503, code="credential_disabled", message=message)
    return RefusedError(failure, rule="route:disabled")


def _is_among(model: str, globs: tuple[str, ...]) -> bool:
    """Whether one of `globs` matches; all do where there is none."""
    return not globs or any(fnmatchcase(model, glob) for glob in globs)


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
