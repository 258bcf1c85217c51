"""What a provider is: data.

A row of this table says where a provider answers, in which dialect, how its key is applied and where the key is
looked for. It holds no behaviour, so adding an OpenAI-compatible vendor is one row, and no provider's name appears
in a branch anywhere. Operators declare the same things in `keywright.toml`, starting from one of these rows.
"""

from typing import Literal, TypeAlias

from msgspec import Struct

EndpointKind: TypeAlias = Literal["chat", "models"]

DialectName: TypeAlias = Literal["openai_chat", "anthropic"]
"""The module names of `keywright.dialects`."""


class Endpoint(Struct, frozen=True):
    """One address of a provider. `path` starts with `/` and is appended to the provider's `base_url`."""

    kind: EndpointKind
    path: str
    dialect: DialectName


class Bearer(Struct, frozen=True, tag="bearer"):
    """The key goes into `Authorization: Bearer KEY`."""


class HeaderKey(Struct, frozen=True, tag="header"):
    """The key goes alone into the header `name` (lower case)."""

    name: str


Scheme: TypeAlias = Bearer | HeaderKey


class Provider(Struct, frozen=True, kw_only=True):
    """Who answers.

    `base_url` is what the provider's own SDK takes, without a trailing slash; "" where only the configuration can
    know it. `base_url_env`: the variable from which that SDK takes another address ("" if it has none).
    `env`: variables that may hold the key; the first that is set wins. `key_optional`: it may answer without a key.
    `headers` are always sent; `passed_headers` are the client's own that go up verbatim, and replace one of
    `headers` of the same name; `answer_headers` are the provider's own that go back. All names are lower case and
    none is a credential.
    `found_on_port`: where this local runtime listens, to be looked for on this machine.
    `free`: costs zero by declaration. `catalogue`: the catalogue's name for it, None when its models are not listed.
    `byok_fee_bp`: basis points that a gateway takes on top of the price when it calls with the customer's own key.
    """

    name: str
    title: str
    docs: str
    base_url: str
    endpoints: tuple[Endpoint, ...]
    credential: Scheme = Bearer()
    key_optional: bool = False
    env: tuple[str, ...] = ()
    base_url_env: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    passed_headers: tuple[str, ...] = ()
    answer_headers: tuple[str, ...] = ()
    found_on_port: int | None = None
    free: bool = False
    catalogue: str | None = None
    byok_fee_bp: int = 0


OPENAI_FACE = (
    Endpoint(kind="chat", path="/chat/completions", dialect="openai_chat"),
    Endpoint(kind="models", path="/models", dialect="openai_chat"),
)
"""What every OpenAI-compatible server has, below an address that ends in its version."""

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


def endpoint(provider: Provider, kind: EndpointKind, dialect: str = "") -> Endpoint | None:
    """The provider's endpoint of `kind`: the one that speaks `dialect` if there is one, else its first; or None."""
    first = None
    for candidate in provider.endpoints:
        if candidate.kind == kind:
            if candidate.dialect == dialect:
                return candidate
            first = first or candidate
    return first
