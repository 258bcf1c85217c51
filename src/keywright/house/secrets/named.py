"""Which secrets a configuration names, what each is for, and where it is named. What it does not name but would use is
named as well.
"""

from collections.abc import Iterator, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.config import Config, CredentialConfig, FederationConfig, ProviderConfig
from keywright.config.document import Path
from keywright.config.secrets import REFERENCES, stores_of
from keywright.control.resources import SecretRole
from keywright.vault.home import home_path
from keywright.vault.reference import Stores, is_reference

Form: TypeAlias = Literal["key", "document", "handed", "kek"]
"""A word for a header; many lines; a file that a platform keeps fresh, open to others; a key that encrypts keys."""

HERE: Final[frozenset[SecretRole]] = frozenset({"database", "store"})
"""What opens a store is kept on this machine: one store is not the key to another."""


class NamedSecret(Struct, frozen=True):
    """A secret by its reference. `credential`: whose key it is, "" for none.

    `setting`: the place in the configuration that names it, keys and array positions from the root; of what is not
    named but found, the place that would. `label`: what it may be called anywhere, in letters, digits and `-_.`.
    """

    reference: str
    used_for: str
    form: Form = "key"
    credential: str = ""
    role: SecretRole = "none"
    setting: Path = ()
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
            NamedSecret(
                config.store.password,
                "the database's password",
                role="database",
                setting=("store", "password"),
                label="database-password",
            )
        )
    found += _of_stores(config)
    return tuple(found)


def _of_provider(
    name: str,
    given: ProviderConfig,
    places: Mapping[str, tuple[str, ...]],
    environment: Mapping[str, str],
    stores: Stores,
) -> Iterator[NamedSecret]:
    at: Path = ("providers", name)
    for credential, references in places.items():
        if credential.partition("/")[0] == name:
            yield from _of_credential(credential, given, references)
    if given.admin_key is not None:
        use = f"the administration API of {name}"
        yield NamedSecret(given.admin_key, use, role="admin", setting=(*at, "admin_key"), label=f"{name}-admin")
    if given.service_account is not None:
        setting, label = (*at, "service_account"), f"{name}-service-account"
        use = f"the service account of {name}"
        yield NamedSecret(
            given.service_account, use, form="document", role="service-account", setting=setting, label=label
        )
    yield from _of_rotation(name, given, at, stores)
    yield from _of_federation(name, given.federation, at, environment)
    for index, one in enumerate(given.credentials):
        full, there = f"{name}/{one.name}", (*at, "credentials", index)
        yield from _of_rotation(full, one, there, stores)
        yield from _of_federation(full, one.federation, there, environment)


def _of_credential(credential: str, given: ProviderConfig, references: tuple[str, ...]) -> Iterator[NamedSecret]:
    """The key of a credential: each place of one that has a table, where else each key is a credential."""
    name, _, part = credential.partition("/")
    tables = [table.name for table in given.credentials]
    for number, reference in enumerate(references):
        use, label = f"the key of {credential}", credential.replace("/", "-")
        if part in tables:
            setting: Path = ("providers", name, "credentials", tables.index(part), "api_key", number)
        else:
            setting = ("providers", name, "api_key", int(part) - 1 if part else 0)
        if number:
            use, label = f"{use}, if the first is gone", f"{label}-{number + 1}"
        yield NamedSecret(reference, use, credential=credential, role="credential", setting=setting, label=label)


def _of_rotation(
    name: str, given: ProviderConfig | CredentialConfig, at: Path, stores: Stores
) -> Iterator[NamedSecret]:
    text = "" if given.rotation is None else given.rotation.service_account or ""
    if is_reference(text, stores):  # others have the account's name there
        setting, label = (*at, "rotation", "service_account"), f"{name.replace('/', '-')}-rotation"
        yield NamedSecret(
            text, f"the rotation of {name}", form="document", role="service-account", setting=setting, label=label
        )


def _of_federation(
    name: str, given: FederationConfig | None, at: Path, environment: Mapping[str, str]
) -> Iterator[NamedSecret]:
    if given is None:
        return
    use, there = f"the proof of who {name} is called by", (*at, "federation")
    if given.token is not None:
        setting, label = (*there, "token"), f"{name.replace('/', '-')}-proof"
        yield NamedSecret(given.token, use, form="document", role="proof", setting=setting, label=label)
    if given.token_file is not None:
        path = home_path(environment, given.token_file)
        yield NamedSecret(f"file:{path}", use, form="handed", role="proof", setting=(*there, "token_file"))


def _of_stores(config: Config) -> Iterator[NamedSecret]:
    for name, settings in config.secrets.items():
        at: Path = ("secrets", name)
        for field in REFERENCES:
            text = getattr(settings, field)
            if text is not None:
                form: Form = "document" if field == "credentials" else "key"
                label = f"{name}-{field.replace('_', '-')}"
                use = f"the store {name}: {field}"
                yield NamedSecret(text, use, form=form, role="store", setting=(*at, field), label=label)
        if settings.jwt_file is not None:
            use = f"the store {name}: jwt_file"
            yield NamedSecret(f"file:{settings.jwt_file}", use, role="store", setting=(*at, "jwt_file"))
        for number, kek in enumerate(settings.kek):
            use = f"the store {name}: {'encrypts' if number == 0 else 'still decrypts'} its keys"
            yield NamedSecret(kek, use, form="kek", role="kek", setting=(*at, "kek", number))
