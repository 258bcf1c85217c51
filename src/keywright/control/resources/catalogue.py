"""Models, their prices, and the providers that have them."""

from msgspec import Struct


class RatesRow(Struct, frozen=True, kw_only=True):
    """US dollars per million tokens, of `search` and `request` per piece, for prompts of more than `above` tokens."""

    above: int
    input: str
    output: str
    reasoning: str
    cache_read: str
    cache_write_5m: str
    cache_write_1h: str
    audio_input: str
    audio_output: str
    audio_cache_read: str
    image_input: str
    image_output: str
    search: str
    request: str


class PriceRow(Struct, frozen=True, kw_only=True):
    """What a model costs now. `row` identifies the price, as ledger entries name it; `own`: the operator wrote it.

    `fee_percent` is what a gateway adds. `rates`: the base first. A model that nobody has priced is not listed.
    """

    model: str
    row: str
    own: bool
    fee_percent: str
    rates: tuple[RatesRow, ...]


class ModelRow(Struct, frozen=True, kw_only=True):
    """A name that clients may ask for. `route`: what an alias leads to, in order; empty for a model.

    `priced`: whether what it leads to has a price now; of an alias, all of it.
    """

    name: str
    route: tuple[str, ...]
    context_tokens: int | None
    priced: bool


class CredentialRow(Struct, frozen=True):
    """A credential of a provider, by its fingerprint, as ledger entries name it."""

    fingerprint: str
    renews: bool


class ProviderRow(Struct, frozen=True, kw_only=True):
    """A provider as it is configured. `address` is its scheme, host and port."""

    name: str
    title: str
    address: str
    credentials: tuple[CredentialRow, ...]
    models: tuple[str, ...]
    endpoints: tuple[str, ...]
