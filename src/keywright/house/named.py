"""Which secrets a configuration names, and what each is for. What it does not name but would use is named as well."""

from collections.abc import Iterator, Mapping
from typing import Literal, TypeAlias

from msgspec import Struct

from keywright.config import Config, CredentialConfig, FederationConfig, ProviderConfig
from keywright.config.secrets import REFERENCES, stores_of
from keywright.vault.home import home_path
from keywright.vault.reference import Stores, is_reference

Form: TypeAlias = Literal["key", "document", "handed", "kek"]
"""A word for a header; many lines; a file that a platform keeps fresh, open to others; a key that encrypts keys."""


class NamedSecret(Struct, frozen=True):
    """A secret by its reference. `credential`: whose key it is, "" for none."""

    reference: str
    used_for: str
    form: Form = "key"
    credential: str = ""


def named_secrets(
    config: Config, places: Mapping[str, tuple[str, ...]], environment: Mapping[str, str]
) -> tuple[NamedSecret, ...]:
    """All of them, one for each use. `places`: the references of credentials, by name, also of keys that were found."""
    stores = stores_of(config.secrets)
    found: list[NamedSecret] = []
    for name, given in config.providers.items():
        found += _of_provider(name, given, places, environment, stores)
    if config.store.password is not None:
        found.append(NamedSecret(config.store.password, "the database's password"))
    found += _of_stores(config)
    return tuple(found)


def _of_provider(
    name: str,
    given: ProviderConfig,
    places: Mapping[str, tuple[str, ...]],
    environment: Mapping[str, str],
    stores: Stores,
) -> Iterator[NamedSecret]:
    for credential, references in places.items():
        if credential.partition("/")[0] == name:
            for number, reference in enumerate(references, 1):
                use = f"the key of {credential}" if number == 1 else f"the key of {credential}, if the first is gone"
                yield NamedSecret(reference, use, credential=credential)
    if given.admin_key is not None:
        yield NamedSecret(given.admin_key, f"the administration API of {name}")
    if given.service_account is not None:
        yield NamedSecret(given.service_account, f"the service account of {name}", "document")
    yield from _of_rotation(name, given, stores)
    for one in given.credentials:
        yield from _of_rotation(f"{name}/{one.name}", one, stores)
    if given.federation is not None:
        yield from _of_federation(name, given.federation, environment)


def _of_rotation(name: str, given: ProviderConfig | CredentialConfig, stores: Stores) -> Iterator[NamedSecret]:
    text = "" if given.rotation is None else given.rotation.service_account or ""
    if is_reference(text, stores):  # others have the account's name there
        yield NamedSecret(text, f"the rotation of {name}", "document")


def _of_federation(name: str, given: FederationConfig, environment: Mapping[str, str]) -> Iterator[NamedSecret]:
    use = f"the proof of who {name} is called by"
    if given.token is not None:
        yield NamedSecret(given.token, use, "document")
    if given.token_file is not None:
        yield NamedSecret(f"file:{home_path(environment, given.token_file)}", use, "handed")


def _of_stores(config: Config) -> Iterator[NamedSecret]:
    for name, settings in config.secrets.items():
        for field in REFERENCES:
            text = getattr(settings, field)
            if text is not None:
                yield NamedSecret(text, f"the store {name}: {field}", "document" if field == "credentials" else "key")
        if settings.jwt_file is not None:
            yield NamedSecret(f"file:{settings.jwt_file}", f"the store {name}: jwt_file")
        for number, kek in enumerate(settings.kek):
            use = f"the store {name}: {'encrypts' if number == 0 else 'still decrypts'} its keys"
            yield NamedSecret(kek, use, "kek")
