"""Which secrets a configuration names, and what each is for. What it does not name but would use is named as well."""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.config import Config, CredentialConfig, ProviderConfig
from keywright.config.secrets import stores_of
from keywright.vault.home import home_path
from keywright.vault.reference import Stores, is_reference

Form: TypeAlias = Literal["key", "document", "handed", "kek"]
"""A word for a header; many lines; a file that a platform keeps fresh, open to others; a key that encrypts keys."""

STORE_FIELDS: Final[Mapping[str, Form]] = {
    "token": "key",
    "secret_id": "key",
    "client_secret": "key",
    "credentials": "document",
}


class NamedSecret(Struct, frozen=True):
    """A secret by its reference. `table` and `field`: where the configuration names it (the head as TOML writes it).

    `credential`: whose key it is, "" for none. `label`: what a copy of it is called, "" where it is not moved to
    another store: what opens a store stays on this machine, and a proof is its platform's.
    """

    reference: str
    used_for: str
    table: str = ""
    field: str = ""
    form: Form = "key"
    credential: str = ""
    label: str = ""


def named_secrets(
    config: Config, places: Mapping[str, tuple[str, ...]], environment: Mapping[str, str]
) -> tuple[NamedSecret, ...]:
    """All of them, one for each use. `places`: the references of credentials, by name, also of keys that were found."""
    stores = stores_of(config.secrets)
    found: list[NamedSecret] = []
    for name, given in config.providers.items():
        found += _of_provider(name, given, places, environment, stores)
    if config.store.password is not None:
        found.append(
            NamedSecret(config.store.password, "the database's password", "[store]", "password", label="store-password")
        )
    found += _of_stores(config, stores)
    return tuple(found)


def _of_provider(
    name: str,
    given: ProviderConfig,
    places: Mapping[str, tuple[str, ...]],
    environment: Mapping[str, str],
    stores: Stores,
) -> Iterator[NamedSecret]:
    table = f"[providers.{name}]"
    for credential, references in places.items():
        if credential.partition("/")[0] == name:
            head, field = _of_credential(name, given, credential), "api_key"
            label = credential.replace("/", "-")
            for number, reference in enumerate(references, 1):
                use = f"the key of {credential}" if number == 1 else f"the key of {credential}, if the first is gone"
                yield NamedSecret(reference, use, head, field, credential=credential, label=label)
    if given.admin_key is not None:
        use = f"the administration API of {name}"
        yield NamedSecret(given.admin_key, use, table, "admin_key", label=f"{name}-admin")
    if given.service_account is not None:
        use, label = f"the service account of {name}", f"{name}-service-account"
        yield NamedSecret(given.service_account, use, table, "service_account", "document", label=label)
    yield from _of_rotation(name, table, given, stores)
    for one in given.credentials:
        yield from _of_rotation(f"{name}/{one.name}", _head(name, one), one, stores)
    federation = given.federation
    if federation is not None and federation.token is not None:
        use = f"the proof of who {name} is called by"
        yield NamedSecret(federation.token, use, f"[providers.{name}.federation]", "token", "document")
    if federation is not None and federation.token_file is not None:
        reference = f"file:{home_path(environment, federation.token_file)}"
        use = f"the proof of who {name} is called by"
        yield NamedSecret(reference, use, f"[providers.{name}.federation]", "token_file", "handed")


def _of_rotation(
    name: str, table: str, given: ProviderConfig | CredentialConfig, stores: Stores
) -> Iterator[NamedSecret]:
    text = "" if given.rotation is None else given.rotation.service_account or ""
    if is_reference(text, stores):  # others have the account's name there
        use, label = f"the rotation of {name}", f"{name.replace('/', '-')}-rotation"
        yield NamedSecret(text, use, table, "rotation.service_account", "document", label=label)


def _of_stores(config: Config, stores: Stores) -> Iterator[NamedSecret]:
    for name, settings in config.secrets.items():
        table = f"[secrets.{name}]"
        for field, form in STORE_FIELDS.items():
            text = getattr(settings, field)
            if text is not None:
                yield NamedSecret(text, f"the store {name}: {field}", table, field, form)
        if settings.jwt_file is not None:
            yield NamedSecret(f"file:{settings.jwt_file}", f"the store {name}: jwt_file", table, "jwt_file")
        for number, kek in enumerate(settings.kek):
            use = f"the store {name}: {'encrypts' if number == 0 else 'still decrypts'} its keys"
            yield NamedSecret(kek, use, table, "kek", "kek")


def _of_credential(name: str, given: ProviderConfig, credential: str) -> str:
    named = next((one for one in given.credentials if f"{name}/{one.name}" == credential), None)
    return f"[providers.{name}]" if named is None else _head(name, named)


def _head(name: str, given: CredentialConfig) -> str:
    return f'[[providers.{name}.credentials]]\nname = "{given.name}"'
