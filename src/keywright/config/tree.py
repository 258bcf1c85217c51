"""The configuration as one typed, frozen tree: what `keywright.toml` may say, and what holds where it says nothing.

The struct is the schema: a key is known because a field has its name, and the field's type is what the reader asks
for. Units stand last in a name. Where a field is a tuple, one value may stand in the file without brackets.
"""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated, TypeAlias

from msgspec import Meta, Struct

from keywright.core.budget import THRESHOLDS
from keywright.core.http import Deadlines
from keywright.vault.settings import StoreSettings

Port: TypeAlias = Annotated[int, Meta(ge=0, le=65535)]
Count: TypeAlias = Annotated[int, Meta(ge=1, le=1_000_000)]
Bytes: TypeAlias = Annotated[int, Meta(ge=1024, le=2**30)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
Rate: TypeAlias = Annotated[int, Meta(ge=1, le=10**12)]
Name: TypeAlias = Annotated[str, Meta(min_length=1, max_length=256)]
Usd: TypeAlias = Decimal
"""US dollars, in the file a decimal string in quotes."""


class Server(Struct, frozen=True, kw_only=True):
    """`[server]`: where clients come in. `port` 0 takes a free one.

    `shutdown_s`: how long calls in flight may still take once the gateway is told to stop. `calls_max`: calls at
    one time in one worker; more are answered with 503. `tls_certificate` (with its chain) and `tls_key`: PEM files,
    with which the gateway speaks HTTPS itself; without them it speaks HTTP.
    """

    host: Name = "127.0.0.1"
    port: Port = 4100
    workers: Annotated[int, Meta(ge=1, le=256)] = 1
    shutdown_s: Seconds = 30.0
    body_bytes_max: Bytes = 33_554_432
    calls_max: Count = 4096
    tls_certificate: Name | None = None
    tls_key: Name | None = None


class Store(Struct, frozen=True, kw_only=True):
    """`[store]`: the database, by an SQLAlchemy-like URL without a password, and the folder of the spool.

    `password`: a reference, for PostgreSQL. `spool`: None lays the spool beside an SQLite database or in the
    working directory.
    """

    url: Name = "sqlite:///keywright.db"
    password: str | None = None
    spool: Name | None = None


class Timeouts(Struct, frozen=True, kw_only=True):
    """`timeout_s` as a table: seconds for each phase of one call to a provider, as in `core.http.Deadlines`."""

    connect: Seconds = Deadlines().connect_s
    first_byte: Seconds = Deadlines().first_byte_s
    idle: Seconds = Deadlines().idle_s
    total: Seconds = Deadlines().total_s


class RotationConfig(Struct, frozen=True, kw_only=True):
    """`[providers.NAME.rotation]`: how the provider's keys are replaced, for its driver.

    `every` and `max_age` are durations (`30d`): when a key is replaced by itself, and how old it may become before
    that is an alarm ("" for never). `drain_s`: for how long the old key is left alone once nobody uses it; `hold_s`:
    for how long it is only disabled before it is deleted, where the provider can. `lifetime`: of the keys that are
    made, where the provider's keys can run out. `address`: of the provider's administration API, where it is not the
    one that is known.

    The rest is the provider's own: OpenAI `project`, `service_account` and `scopes` (what new keys may do, as
    `api.responses.write`; all that the account may when there are none); Google `project` and `service_account`;
    Mistral `workspace` and `user`; OpenRouter `workspace`; Azure `subscription`, `resource_group` and `account`;
    Bedrock `user`.
    """

    every: str = ""
    max_age: str = ""
    drain_s: Seconds = 60.0
    hold_s: Seconds = 300.0
    lifetime: str = ""
    address: Name | None = None
    project: Name | None = None
    service_account: Name | None = None
    scopes: tuple[Name, ...] = ()
    workspace: Name | None = None
    user: Name | None = None
    subscription: Name | None = None
    resource_group: Name | None = None
    account: Name | None = None


class FederationConfig(Struct, frozen=True, kw_only=True):
    """`[providers.NAME.federation]`: calls without a key of their own, by tokens that the provider gives for a proof of
    who this workload is (a JWT of its platform).

    The proof: `source` is the platform (`vault.federation.PLATFORMS`) that is asked for one, for `audience`; or
    `token_file` is read; or `token`, a reference. Each is done anew for each token. `token_url`: where tokens are had,
    in place of the provider's own address or one below `base_url`.
    The rest is the provider's own: OpenAI `identity_provider_id` and `service_account_id`; Anthropic
    `federation_rule_id`, `organization_id`, `service_account_id` and `workspace_id`; OpenRouter `federation_policy_id`.
    """

    source: Name | None = None
    audience: Name | None = None
    token_file: Name | None = None
    token: Name | None = None
    token_url: Name | None = None
    identity_provider_id: Name | None = None
    service_account_id: Name | None = None
    federation_rule_id: Name | None = None
    organization_id: Name | None = None
    workspace_id: Name | None = None
    federation_policy_id: Name | None = None


class CredentialConfig(Struct, frozen=True, kw_only=True):
    """`[[providers.NAME.credentials]]`: one of several credentials of a provider.

    `name`: with the provider's it names the credential (`openai/team-a`). `api_key`: references to one and the same
    key, of which the first that can be read counts; or `federation`, as of the provider, says how to do without.
    `weight`: its share of the calls beside the others'. `disabled`: it gets none. `models`: globs of those it may
    serve, besides the provider's. `project`: only that project's calls use it, and they use no other's. `tags` are of
    its calls. `rotate_every` and `rotation` as of the provider.
    """

    name: Name
    api_key: Annotated[tuple[str, ...], Meta(min_length=1, max_length=8)] = ()
    federation: FederationConfig | None = None
    weight: Annotated[int, Meta(ge=1, le=1000)] = 1
    disabled: bool = False
    models: tuple[Name, ...] = ()
    project: Name | None = None
    tags: Mapping[str, Name] = {}
    rotate_every: str = ""
    rotation: RotationConfig | None = None


class ProviderConfig(Struct, frozen=True, kw_only=True):
    """`[providers.NAME]`: one upstream.

    `kind`: a built-in provider's name or a generic kind; "" means that NAME is one. `api_key`: references, tried in
    order. `base_url`: "" means the kind's own. `proxy`: None means the environment's, "" none. `timeout_s`: a number
    is the limit of the whole call. `models`: globs of the models it may serve, all when empty. `admin_key`: a reference
    to the key of its administration API, by which its own figures are read; no call is made with it. `key_ids`: the
    provider's id of a key → our fingerprint of it, where the provider does not say enough to tell.

    The rest only some kinds know (`Provider.settings`): `deployments` has Azure's name for a model, `service_account`
    is a reference to a key file's JSON, `byok`: OpenRouter calls with the customer's own key, and takes its fee.

    `api_key` is short for credentials without settings of their own, in the order in which they are tried; instead of
    it, `credentials` names each, or `federation` says how to do without. `rotate_every` is short for `rotation.every`.
    """

    kind: str = ""
    api_key: tuple[str, ...] = ()
    admin_key: Name | None = None
    key_ids: Mapping[str, Name] = {}
    base_url: str = ""
    headers: Mapping[str, str] = {}
    ca_file: Name | None = None
    proxy: str | None = None
    timeout_s: Seconds | Timeouts = Timeouts()
    models: tuple[Name, ...] = ()
    connections_max: Count = 1024
    api_version: Name | None = None
    deployments: Mapping[str, Name] = {}
    entra: bool = False
    project: Name | None = None
    location: Name | None = None
    service_account: Name | None = None
    region: Name | None = None
    profile: Name | None = None
    role_arn: Name | None = None
    mint_short_term_keys: bool = False
    byok: bool = False
    credentials: tuple[CredentialConfig, ...] = ()
    rotate_every: str = ""
    rotation: RotationConfig = RotationConfig()
    federation: FederationConfig | None = None


class ModelConfig(Struct, frozen=True, kw_only=True):
    """`[models.NAME]`: an alias. `route`: its candidates `provider/model`, in the order in which they are tried.

    As many as the pipeline tries (`CANDIDATES_MAX`).
    """

    route: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=16)]


class PriceConfig(Struct, frozen=True, kw_only=True):
    """`[[prices]]`: what `model` (`provider/model`) costs: US dollars per million tokens, and per request.

    A price that is left out is not known; it is not zero.
    """

    model: Name
    input: Usd | None = None
    output: Usd | None = None
    cache_read: Usd | None = None
    cache_write: Usd | None = None
    cache_write_1h: Usd | None = None
    reasoning: Usd | None = None
    per_request: Usd | None = None


class PricesSource(Struct, frozen=True, kw_only=True):
    """`[prices_source]`: where `keywright prices update` takes the catalogue from.

    `url`: "" means the data that genai-prices publishes. `public_key`: `ed25519:…` of who signs; then nothing else is
    taken, and the signature is fetched from the same address with `.sig` at its end. `ca_file` and `proxy` as of a
    provider.
    """

    url: str = ""
    public_key: Name | None = None
    ca_file: Name | None = None
    proxy: str | None = None


class Retry(Struct, frozen=True, kw_only=True):
    """`[retry]`: how a failed attempt is repeated at the same provider, before the next candidate.

    `attempts`: how often one candidate is asked at most. The n-th pause is a random part of
    `backoff_s * 2**(n - 1)`, at most `backoff_max_s`. A provider that asks for more than `retry_after_max_s` is not
    asked again.
    """

    attempts: Annotated[int, Meta(ge=1, le=10)] = 3
    backoff_s: Seconds = 0.5
    backoff_max_s: Seconds = 8.0
    retry_after_max_s: Seconds = 30.0


class LedgerConfig(Struct, frozen=True, kw_only=True):
    """`[ledger]`: for how many days entries are kept; what was rolled up of them is kept for ever."""

    keep_days: Annotated[int, Meta(ge=1, le=36_600)] = 90


class ProjectConfig(Struct, frozen=True, kw_only=True):
    """`[projects.NAME]`: what narrows a project's keys, as in `core.identity.Project`; `tags` are of its calls."""

    title: str = ""
    models: tuple[Name, ...] = ()
    endpoints: tuple[Name, ...] = ()
    cidrs: tuple[Name, ...] = ()
    allow_unpriced: bool = False
    tags: Mapping[str, Name] = {}


class BudgetConfig(Struct, frozen=True, kw_only=True):
    """`[[budgets]]`: what the calls of `on` (`project:NAME`, as `core.budget.subject` reads it) may cost in a window.

    `soft`: it only warns. `thresholds`: at which parts of a hundred.
    """

    on: Name
    amount: Usd
    window: Name
    soft: bool = False
    thresholds: tuple[Annotated[int, Meta(ge=1, le=1000)], ...] = THRESHOLDS


class LimitConfig(Struct, frozen=True, kw_only=True):
    """`[[limits]]`: how fast the calls of `on` may come, and how many may run at once."""

    on: Name
    requests_per_min: Rate | None = None
    tokens_per_min: Rate | None = None
    concurrency: Rate | None = None


class Config(Struct, frozen=True, kw_only=True):
    """All of `keywright.toml`."""

    server: Server = Server()
    store: Store = Store()
    secrets: Mapping[str, StoreSettings] = {}
    providers: Mapping[str, ProviderConfig] = {}
    models: Mapping[str, ModelConfig] = {}
    prices: tuple[PriceConfig, ...] = ()
    prices_source: PricesSource = PricesSource()
    retry: Retry = Retry()
    ledger: LedgerConfig = LedgerConfig()
    projects: Mapping[str, ProjectConfig] = {}
    budgets: tuple[BudgetConfig, ...] = ()
    limits: tuple[LimitConfig, ...] = ()
