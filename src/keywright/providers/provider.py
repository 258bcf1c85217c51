"""What a provider is: data.

A row of this table says where a provider answers, in which dialect, how its key is applied and where the key is
looked for. It holds no behaviour, so adding an OpenAI-compatible vendor is one row, and no provider's name appears
in a branch anywhere. Operators declare the same things in `keywright.toml`, starting from one of these rows.
"""

from fnmatch import fnmatchcase
from string import Formatter
from typing import Literal, TypeAlias

from msgspec import Struct

EndpointKind: TypeAlias = Literal[
    "chat",
    "models",
    "embeddings",
    "rerank",
    "count",
    "fim",
    "moderations",
    "images",
    "speech",
    "transcriptions",
    "files",
    "batches",
    "ocr",
    "responses_items",
    "native",
]
"""`native` is every endpoint of a provider, by its own path: no row has it."""

MODEL: Literal["model"] = "model"
"""What stands for the model's name in a path, beside the provider's settings."""


class Endpoint(Struct, frozen=True):
    """One address of a provider. `path` starts with `/` and is appended to the provider's `base_url`; `stream_path`,
    where it differs, is for streams. `{model}` in them is the provider's own name of the model, `{region}` and the like
    a setting: where that is not given, the endpoint is not there.

    `dialect`: what is spoken there, a name of `keywright.dialects.WIRES`. `models`: globs of the models that it is for
    (all, when empty). `prefers`: clients' dialects that are taken here rather than to the first endpoint of that kind.
    `from_root`: `path` is the whole path at the provider's host, whatever path `base_url` has. `free`: what is asked
    there costs nothing, whatever the model.
    """

    kind: EndpointKind
    path: str
    dialect: str
    stream_path: str = ""
    models: tuple[str, ...] = ()
    prefers: tuple[str, ...] = ()
    from_root: bool = False
    free: bool = False


class Setting(Struct, frozen=True):
    """One more thing that a provider wants to know, by its name in `[providers.NAME]`.

    `env`: variables in which the provider's own tools look for it; `default`: what holds where nobody says it.
    `without_key`: the environment counts only where no key is given, for it speaks of another way to sign in.
    """

    name: str
    env: tuple[str, ...] = ()
    default: str = ""
    without_key: bool = False


class Bearer(Struct, frozen=True, tag="bearer"):
    """The key goes into `Authorization: Bearer KEY`."""


class HeaderKey(Struct, frozen=True, tag="header"):
    """The key goes alone into the header `name` (lower case)."""

    name: str


class SigV4(Struct, frozen=True, tag="sigv4"):
    """Requests are signed for AWS's `service`, with whatever credentials AWS's own tools would find."""

    service: str


class GoogleOAuth(Struct, frozen=True, tag="google"):
    """A Google access token: of a service account, of application default credentials, or federated."""


class Entra(Struct, frozen=True, tag="entra"):
    """An Entra access token for `scope`."""

    scope: str


Scheme: TypeAlias = Bearer | HeaderKey
"""How a key is put on a request."""

Identity: TypeAlias = SigV4 | GoogleOAuth | Entra
"""How a workload proves who it is, where it has no key."""


class Check(Struct, frozen=True):
    """The cheapest request that proves a key: it costs nothing. `url` is a path below `base_url`, or a whole
    address, which counts only where the operator has written no other; it may name settings.

    The key is alive when the answer is 200 (and says true at `said`, if that is given), dead when its status is one of
    `dead` or its body holds one of `dead_words`; anything else proves nothing.
    """

    url: str
    method: Literal["GET", "POST"] = "GET"
    body: str = ""
    said: str = ""
    dead: tuple[int, ...] = (401,)
    dead_words: tuple[str, ...] = ()


class Provider(Struct, frozen=True, kw_only=True):
    """Who answers.

    `base_url` is what the provider's own SDK takes, without a trailing slash; "" where only the configuration can
    know it. It may name settings in braces; `base_urls` has what holds instead where a setting fits a glob:
    `(setting, glob, base_url)`. `base_url_env`: the variable from which that SDK takes another address ("" if none).
    `env`: variables that may hold the key; the first that is set wins. `key_optional`: it may answer without a key.
    `login_files`: where its own tool leaves a key: paths, which may name variables in braces; the first whose variables
    are set counts. `identity`: how it is called without one. `settings`: what else it wants to know.
    `check`: what proves the key; None for the list of models, where there is one.
    `headers` are always sent; `passed_headers` are the client's own that go up verbatim, and replace one of
    `headers` of the same name; `answer_headers` are the provider's own that go back. All names are lower case and
    none is a credential. `usage_headers`: in which headers the tokens of prompt and answer are told, where a body has
    none; `error_header`: in which an error's type is.
    `found_on_port`: where this local runtime listens, to be looked for on this machine.
    `free`: costs zero by declaration. `catalogue`: the catalogue's name for it, None when its models are not listed.
    `open_models`: it serves models that its catalogue does not list (deployments, imported ones, kinds that are left
    out): what is unknown is asked of it, without a price. `renamed`: names for which it wants another.
    `other_models`: members of a request's body by which further models, or other ones, are named beside `model`.
    `byok_fee_bp`: basis points that a gateway takes on top of the price when it calls with the customer's own key.
    """

    name: str
    title: str
    docs: str
    base_url: str
    endpoints: tuple[Endpoint, ...]
    credential: Scheme = Bearer()
    identity: Identity | None = None
    key_optional: bool = False
    settings: tuple[Setting, ...] = ()
    base_urls: tuple[tuple[str, str, str], ...] = ()
    check: Check | None = None
    env: tuple[str, ...] = ()
    login_files: tuple[str, ...] = ()
    base_url_env: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    passed_headers: tuple[str, ...] = ()
    answer_headers: tuple[str, ...] = ()
    usage_headers: tuple[str, str] | None = None
    error_header: str = ""
    found_on_port: int | None = None
    free: bool = False
    catalogue: str | None = None
    open_models: bool = False
    renamed: tuple[tuple[str, str], ...] = ()
    other_models: frozenset[str] = frozenset()
    byok_fee_bp: int = 0


CHAT = Endpoint(kind="chat", path="/chat/completions", dialect="openai_chat")
RESPONSES = Endpoint(kind="chat", path="/responses", dialect="openai_responses")
COMPLETIONS = Endpoint(kind="chat", path="/completions", dialect="openai_completions")
MESSAGES = Endpoint(kind="chat", path="/messages", dialect="anthropic")
EMBEDDINGS = Endpoint(kind="embeddings", path="/embeddings", dialect="openai_embeddings")
RERANK = Endpoint(kind="rerank", path="/rerank", dialect="jina_rerank")
MODELS = Endpoint(kind="models", path="/models", dialect="openai_chat")
MODERATIONS = Endpoint(kind="moderations", path="/moderations", dialect="openai_chat")
IMAGES = Endpoint(kind="images", path="/images", dialect="openai_chat")
SPEECH = Endpoint(kind="speech", path="/audio/speech", dialect="openai_chat")
TRANSCRIPTIONS = Endpoint(kind="transcriptions", path="/audio", dialect="openai_chat")
FILES = Endpoint(kind="files", path="/files", dialect="openai_chat")
BATCHES = Endpoint(kind="batches", path="/batches", dialect="openai_chat")
RESPONSES_ITEMS = Endpoint(kind="responses_items", path="/responses", dialect="openai_responses")
"""What servers of OpenAI's kind have, below an address that ends in its version. Of those that pass through without
being read (from moderations on) `path` is the beginning of the paths, and `dialect` the one in which errors come.
"""

OPENAI_FACE = (CHAT, MODELS)
"""What every OpenAI-compatible server has."""

OPENAI_ANSWER_HEADERS = (
    "x-request-id",
    "x-ratelimit-limit-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-requests",
    "x-ratelimit-reset-tokens",
)
"""What OpenAI, and those who copy it, say about a request's name and the account's limits."""


def named_in(template: str) -> frozenset[str]:
    """What stands in braces in `template`."""
    return frozenset(name for _, name, _, _ in Formatter().parse(template) if name)


def endpoint(
    provider: Provider, kind: EndpointKind, dialect: str = "", model: str = "", given: frozenset[str] = frozenset()
) -> Endpoint | None:
    """The provider's endpoint of `kind` for `model` and a client that speaks `dialect`: the one that speaks it too,
    else one that prefers such clients, else the first; None when there is none. `given`: the settings with a value.
    """
    there = [
        candidate
        for candidate in provider.endpoints
        if candidate.kind == kind
        and named_in(candidate.path) <= given | {MODEL}
        and (not candidate.models or any(fnmatchcase(model, glob) for glob in candidate.models))
    ]
    alike = (candidate for candidate in there if candidate.dialect == dialect)
    preferring = (candidate for candidate in there if dialect in candidate.prefers)
    return next(alike, None) or next(preferring, None) or next(iter(there), None)
