"""With what a provider is called: its keys, or what this workload is.

Keys that the operator names come first, then another way to sign in that the operator names. Where nothing is named, a
provider whose own tools sign in by themselves is called as they would call it: with the key that the environment has
for it, with the key that a login left on this machine, with the identity of the workload. Any other needs a key, and
Entra is taken only when it is asked for (`entra = true`).
"""

from collections.abc import Container, Mapping
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from keywright.config import Config, CredentialConfig, FederationConfig, ProviderConfig
from keywright.config.federation import federations
from keywright.core.clock import Clock
from keywright.core.errors import ConfigError, SecretError
from keywright.core.secret import Secret
from keywright.house.custody.federation import federated, origins, require_proof
from keywright.providers import find
from keywright.providers.provider import Bearer, Entra, GoogleOAuth, HeaderKey, Identity, Provider, SigV4
from keywright.vault.aws import AwsSettings, aws_credential, bedrock_key_credential, bedrock_minting_credential
from keywright.vault.credential import BearerCredential, Credential, HeaderCredential, NoCredential
from keywright.vault.entra import EntraSettings, entra_credential
from keywright.vault.fetch import Fetch, Upstreams
from keywright.vault.google import GoogleSettings, google_credential, google_project
from keywright.vault.held import HeldCredential
from keywright.vault.keeper import Keeper
from keywright.vault.login import login_file
from keywright.vault.reference import LOCAL, parse
from keywright.vault.renewal import RenewingCredential

AnyCredential: TypeAlias = Credential | RenewingCredential | HeldCredential
IDENTITY_SETTINGS: Final = ("entra", "service_account", "profile", "role_arn", "mint_short_term_keys")
"""Settings by which the operator asks for the workload's identity."""


class Named(Struct, frozen=True, eq=False):
    """A credential of a provider. `name`: `openai`, `openai/2`, or `openai/team-a`, which has a table, `config`."""

    name: str
    credential: AnyCredential
    config: CredentialConfig | None = None


class Credentials:
    """Makes credentials. `upstreams` is what token services are asked by, when a request needs a token.

    `keeper` has the secrets that the configuration names (`wanted`). What is renewed or held is kept when the
    configuration is read again and says the same of it, and its token with it: a token service that is out of order
    then must not cost the token that is still valid.
    """

    def __init__(self, keeper: Keeper, environment: Mapping[str, str], upstreams: Upstreams, clock: Clock) -> None:
        self._keeper = keeper
        self._environment = environment
        self._upstreams = upstreams
        self._clock = clock
        self._kept: dict[str, tuple[tuple[object, ...], RenewingCredential]] = {}
        self._held: dict[str, tuple[tuple[object, ...], HeldCredential]] = {}

    def wanted(self, config: Config) -> tuple[set[str], set[str]]:
        """The references to keys, and to documents, that the credentials of `config` are made of. Blocks on a disk."""
        keys = {reference for references in self.places(config).values() for reference in references}
        documents = {given.service_account for given in config.providers.values() if given.service_account is not None}
        proofs = {one.token for given in config.providers.values() for one in federations(given)}
        return keys, documents | {token for token in proofs if token is not None}

    def places(self, config: Config) -> dict[str, tuple[str, ...]]:
        """Where keys are kept: by the name of each credential that has one, its references. Blocks on a disk."""
        found: dict[str, tuple[str, ...]] = {}
        for name, given in config.providers.items():
            for table in given.credentials:
                if table.api_key:
                    found[f"{name}/{table.name}"] = table.api_key
            row = find(given.kind or name)
            for number, reference in enumerate(() if row is None else self._references(row, given), 1):
                found[_numbered(name, number)] = (reference,)
        return found

    def homes(self, config: Config) -> dict[str, tuple[str, ...]]:
        """Where credentials come from: the references of their keys, or in words how those do without that are written
        to; by their names. Blocks on a disk.
        """
        return {name: (told,) for name, told in origins(config).items()} | self.places(config)

    def held(self) -> tuple[HeldCredential, ...]:
        """Those whose keys may change at any time."""
        return tuple(credential for _, credential in self._held.values())

    def forget_but(self, names: Container[str]) -> None:
        """Let go of those whose names the configuration has no more. Calls that run keep theirs."""
        self._held = {name: kept for name, kept in self._held.items() if name in names}

    def of(self, name: str, row: Provider, config: ProviderConfig, settings: Mapping[str, str]) -> list[Named]:
        """The credentials of the provider `name`, in the order in which they are written. May block on a disk.

        Raises:
            ConfigError: it needs a key, and none is named or found.
            SecretError: none of those named can be had.
        """
        if config.federation is not None:
            require_proof(name, config.federation, self._environment)
            return [Named(name, self._of_federation(name, name, config, config.federation))]
        if config.credentials:
            return self._of_tables(name, row, config)
        named = _names_identity(config)
        keys = self._references(row, config)
        if keys:
            return self._of_keys(name, row, keys)
        if row.identity is not None and (named or not isinstance(row.identity, Entra)):
            return [Named(name, self._of_identity(name, row.identity, config, settings))]
        if not row.key_optional:
            raise ConfigError(f"providers.{name}.api_key: {row.title} needs a key; write {_hint(row)}")
        return [Named(name, NoCredential(name))]

    def project(self, config: ProviderConfig) -> str:
        """The Google project that the workload's identity names; "" where it names none. May block on a disk.

        Raises:
            SecretError: the identity cannot be had.
        """
        return google_project(self._google(config), self._environment)

    def _found(self, row: Provider) -> tuple[str, ...]:
        """References to the key that this machine has for a provider whose tools look for it; none for any other."""
        if row.identity is None and not row.login_files:
            return ()
        for variable in row.env:
            if self._environment.get(variable, "").strip():
                return (f"env:{variable}",)
        path = login_file(row.login_files, self._environment)
        return () if path is None else (f"file:{path}",)

    def _references(self, row: Provider, config: ProviderConfig) -> tuple[str, ...]:
        """The keys of a provider without tables of credentials: those that are named, else one that is found."""
        if config.api_key or config.credentials or config.federation:
            return config.api_key
        ambient = not _names_identity(config) and not isinstance(row.identity, Entra)
        return self._found(row) if ambient else ()

    def _of_tables(self, name: str, row: Provider, config: ProviderConfig) -> list[Named]:
        """All of them: one whose key cannot be had stays a credential, for which another must not be taken."""
        made = [self._of_table(name, row, config, table) for table in config.credentials]
        active = [one.credential for one in made if one.config is not None and not one.config.disabled]
        keys = [credential for credential in active if isinstance(credential, HeldCredential)]
        if keys and len(keys) == len(active) and not any(_may_come(credential, self._keeper) for credential in keys):
            raise SecretError(f"providers.{name}.credentials: " + "; ".join(each.failure for each in keys))
        return made

    def _of_table(self, name: str, row: Provider, config: ProviderConfig, table: CredentialConfig) -> Named:
        full = f"{name}/{table.name}"
        if table.federation is not None:
            return Named(full, self._of_federation(full, name, config, table.federation), table)
        return Named(full, self._holding(full, row, table.api_key), table)

    def _of_keys(self, name: str, row: Provider, references: tuple[str, ...]) -> list[Named]:
        made, failures = [], []
        for number, reference in enumerate(references, 1):
            full = _numbered(name, number)
            if parse(reference, self._keeper.vault.stores).kind == "env":
                try:
                    made.append(Named(full, self.of_key(full, row, self._keeper.secret(reference))))
                except SecretError as error:
                    failures.append(str(error))
                continue
            held = self._holding(full, row, (reference,))
            if _may_come(held, self._keeper):
                made.append(Named(full, held))
            else:
                failures.append(held.failure)
        if not made:
            raise SecretError(f"providers.{name}.api_key: " + "; ".join(failures))
        return made

    def _holding(self, name: str, row: Provider, references: tuple[str, ...]) -> HeldCredential:
        """The credential whose key is at one of `references`: the one that was made before, if they are the same."""
        way = (references, row.credential, row.identity)
        kept = self._held.get(name)
        if kept is None or kept[0] != way:
            held = HeldCredential(
                name, references, self._keeper, lambda secret: self.of_key(name, row, secret), self._clock
            )
            kept = self._held[name] = (way, held)
        return kept[1]

    def of_key(self, name: str, row: Provider, secret: Secret) -> Credential | RenewingCredential:
        """The credential `name` with that key.

        Raises:
            SecretError: it has run out.
        """
        match row.credential:
            case Bearer():
                is_aws = isinstance(row.identity, SigV4)  # whose keys may be short-term ones
                return bedrock_key_credential(name, secret, self._clock) if is_aws else BearerCredential(name, secret)
            case HeaderKey(header):
                return HeaderCredential(name, header, secret)
            case _:
                assert_never(row.credential)

    def _of_identity(
        self, name: str, identity: Identity, config: ProviderConfig, settings: Mapping[str, str]
    ) -> RenewingCredential:
        """The one that was made before, if it was made the same way."""
        try:
            made = self._made(name, identity, config, settings)
        except SecretError as error:
            raise SecretError(f"providers.{name}: {error}") from None
        return self._kept_as(
            made, (made.fingerprint, identity, config.mint_short_term_keys, config.ca_file, config.proxy)
        )

    def _of_federation(
        self, name: str, provider: str, config: ProviderConfig, given: FederationConfig
    ) -> RenewingCredential:
        """The one that was made before, if it was made the same way."""
        fetch = Fetch(self._upstreams, self._clock, ca_file=config.ca_file, proxy=config.proxy)
        made = federated(name, config.kind or provider, config, given, self._keeper, self._environment, fetch)
        return self._kept_as(made, (made.fingerprint, config.ca_file, config.proxy))

    def _kept_as(self, made: RenewingCredential, way: tuple[object, ...]) -> RenewingCredential:
        """`made`, or the one of its name that was made before in the same `way`, with its token."""
        kept = self._kept.get(made.name)
        if kept is None or kept[0] != way:
            kept = self._kept[made.name] = (way, made)
        return kept[1]

    def _made(
        self, name: str, identity: Identity, config: ProviderConfig, settings: Mapping[str, str]
    ) -> RenewingCredential:
        fetch = Fetch(self._upstreams, self._clock, ca_file=config.ca_file, proxy=config.proxy)
        match identity:
            case SigV4(service):
                aws = AwsSettings(settings.get("region", ""), config.profile or "", config.role_arn or "")
                if config.mint_short_term_keys:
                    return bedrock_minting_credential(name, aws, self._environment, fetch)
                return aws_credential(name, aws, self._environment, fetch, service)
            case GoogleOAuth():
                return google_credential(name, self._google(config), self._environment, fetch)
            case Entra(scope):
                return entra_credential(name, EntraSettings(scope), self._environment, fetch)
            case _:
                assert_never(identity)

    def _google(self, config: ProviderConfig) -> GoogleSettings:
        given = config.service_account
        return (
            GoogleSettings()
            if given is None
            else GoogleSettings(self._keeper.secret(given), is_here=self._keeper.vault.is_here(given))
        )


def _numbered(name: str, number: int) -> str:
    """What the credential is called that has the provider's key of that number, where keys have no names."""
    return name if number == 1 else f"{name}/{number}"


def _names_identity(config: ProviderConfig) -> bool:
    """Whether the operator asks for another way to sign in than a key."""
    return any(getattr(config, setting) for setting in IDENTITY_SETTINGS)


def _may_come(credential: HeldCredential, keeper: Keeper) -> bool:
    """Whether there is a key, or one may still come: what is beyond this machine may only be out of order. A start
    without what this machine should have is refused.
    """
    kinds = {parse(reference, keeper.vault.stores).kind for reference in credential.references}
    return credential.is_ready or not kinds <= LOCAL


def _hint(row: Provider) -> str:
    reference = f'a reference such as "env:{row.env[0] if row.env else "NAME"}"'
    return f"{reference}, or entra = true" if isinstance(row.identity, Entra) else reference
