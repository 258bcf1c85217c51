"""With what a provider is called: its keys, or what this workload is.

Keys that the operator names come first, then another way to sign in that the operator names. Where nothing is named, a
provider whose own tools sign in by themselves is called as they would call it: with the key that the environment has
for it, with the key that a login left on this machine, with the identity of the workload. Any other needs a key, and
Entra is taken only when it is asked for (`entra = true`).
"""

from collections.abc import Mapping
from typing import Final, TypeAlias, assert_never

from keywright.config import ProviderConfig
from keywright.core.clock import Clock
from keywright.core.errors import ConfigError, SecretError
from keywright.core.secret import Secret
from keywright.providers.provider import Bearer, Entra, GoogleOAuth, HeaderKey, Identity, Provider, SigV4
from keywright.vault.aws import AwsSettings, aws_credential, bedrock_key_credential, bedrock_minting_credential
from keywright.vault.credential import BearerCredential, Credential, HeaderCredential, NoCredential
from keywright.vault.entra import EntraSettings, entra_credential
from keywright.vault.fetch import Fetch, Upstreams
from keywright.vault.google import GoogleSettings, google_credential, google_project
from keywright.vault.login import login_file
from keywright.vault.renewal import RenewingCredential
from keywright.vault.vault import Vault

AnyCredential: TypeAlias = Credential | RenewingCredential
IDENTITY_SETTINGS: Final = ("entra", "service_account", "profile", "role_arn", "mint_short_term_keys")
"""Settings by which the operator asks for the workload's identity."""


class Credentials:
    """Makes credentials. `upstreams` is what token services are asked by, when a request needs a token.

    A workload's identity is kept when the configuration is read again and says the same of it, and its token with it: a
    token service that is out of order then must not cost the token that is still valid.
    """

    def __init__(self, vault: Vault, environment: Mapping[str, str], upstreams: Upstreams, clock: Clock) -> None:
        self._vault = vault
        self._environment = environment
        self._upstreams = upstreams
        self._clock = clock
        self._kept: dict[str, tuple[tuple[object, ...], RenewingCredential]] = {}

    def of(self, name: str, row: Provider, config: ProviderConfig, settings: Mapping[str, str]) -> list[AnyCredential]:
        """The credentials of the provider `name`, in the order in which they are tried. May block on a disk.

        Raises:
            ConfigError: it needs a key, and none is named or found.
            SecretError: none of those named can be had.
        """
        named = any(getattr(config, setting) for setting in IDENTITY_SETTINGS)
        ambient = not named and not isinstance(row.identity, Entra)
        keys = config.api_key or (self._found(row) if ambient else ())
        if keys:
            return self._of_keys(name, row, keys)
        if row.identity is not None and (named or ambient):
            return [self._of_identity(name, row.identity, config, settings)]
        if not row.key_optional:
            raise ConfigError(f"providers.{name}.api_key: {row.title} needs a key; write {_hint(row)}")
        return [NoCredential(name)]

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

    def _of_keys(self, name: str, row: Provider, references: tuple[str, ...]) -> list[AnyCredential]:
        made, failures = [], []
        for reference in references:
            try:
                made.append(self._of_key(name, row, self._vault.resolve(reference)))
            except SecretError as error:
                failures.append(str(error))
        if not made:
            raise SecretError(f"providers.{name}.api_key: " + "; ".join(failures))
        return made

    def _of_key(self, name: str, row: Provider, secret: Secret) -> AnyCredential:
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
        way = (made.fingerprint, identity, config.mint_short_term_keys, config.ca_file, config.proxy)
        kept = self._kept.get(name)
        if kept is None or kept[0] != way:
            kept = self._kept[name] = (way, made)
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
        return GoogleSettings() if given is None else GoogleSettings(self._vault.document(given))


def _hint(row: Provider) -> str:
    reference = f'a reference such as "env:{row.env[0] if row.env else "NAME"}"'
    return f"{reference}, or entra = true" if isinstance(row.identity, Entra) else reference
