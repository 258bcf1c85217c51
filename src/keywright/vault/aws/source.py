"""Where this machine's AWS keys come from, in the order of AWS's own SDKs.

What is decided here is only which way is taken: environment, profile (a role, a web identity, static keys), container,
instance. Nothing is asked of anybody; the files are read. The way that a profile names explicitly is taken or refused,
never passed over: a role that cannot be assumed must not silently become another.

Two ways of the CLI are refused, because they need a program or a person: `credential_process` and single sign-on.
"""

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.http import is_label
from keywright.vault.aws.answer import checked_keys
from keywright.vault.aws.container import ContainerKeys, container_keys
from keywright.vault.aws.instance import InstanceKeys, instance_keys
from keywright.vault.aws.keys import AwsKeys
from keywright.vault.aws.profile import DEFAULT, Profile, read_profiles
from keywright.vault.home import home_path

SESSION: Final = "keywright"
"""What Amazon's log calls our sessions, where nothing else is set."""

ROLE_LIFE_S: Final = 3600
CHAIN_MAX: Final = 5
"""How many profiles may build on one another."""


class WebIdentity(Struct, frozen=True):
    """A role that is assumed with a token that the platform keeps in a file."""

    role_arn: str
    token_file: Path
    session: str = SESSION


class AssumedRole(Struct, frozen=True):
    """A role that is assumed with other keys."""

    role_arn: str
    source: "AwsSource"
    session: str = SESSION
    external_id: str = ""
    life_s: int = ROLE_LIFE_S


AwsSource: TypeAlias = AwsKeys | WebIdentity | AssumedRole | ContainerKeys | InstanceKeys


class AwsSettings(Struct, frozen=True):
    """What the operator says about AWS; "" where the environment and the files decide."""

    region: str = ""
    profile: str = ""
    role_arn: str = ""


class AwsPlan(Struct, frozen=True):
    """Where keys come from, and the region that they are for."""

    source: AwsSource
    region: str


def plan_aws(settings: AwsSettings, environment: Mapping[str, str]) -> AwsPlan:
    """The way that is taken on this machine. Blocks on the disk.

    Raises:
        SecretError: there is none, it is incomplete, or it is one that a gateway cannot take.
    """
    profiles = read_profiles(environment)
    named = settings.profile or environment.get("AWS_PROFILE") or environment.get("AWS_DEFAULT_PROFILE") or ""
    if named and named not in profiles:
        raise SecretError(f"AWS: there is no profile {named!r} in the CLI's files")
    profile = profiles.get(named or DEFAULT, {})
    region = (
        settings.region
        or environment.get("AWS_REGION")
        or environment.get("AWS_DEFAULT_REGION")
        or profile.get("region")
    )
    if not region:
        raise SecretError("AWS: no region is set: set AWS_REGION, or `region` of the provider or the store")
    if not is_label(region):
        raise SecretError(
            "AWS: the region is none: it has letters, digits and '-' only, for it stands in a host's name"
        )
    source = _source(settings, environment, profiles, named or DEFAULT)
    if settings.role_arn and not (isinstance(source, WebIdentity) and source.role_arn == settings.role_arn):
        source = AssumedRole(settings.role_arn, source, _session(environment))
    return AwsPlan(source, region)


def _source(
    settings: AwsSettings, environment: Mapping[str, str], profiles: Mapping[str, Profile], name: str
) -> AwsSource:
    """The first way that there is. A profile that the operator named comes before the environment's keys."""
    if not settings.profile:
        keys = _environment_keys(environment)
        if keys is not None:
            return keys
    found = _of_profile(name, profiles, environment)
    if found is not None:
        return found
    profile = profiles.get(name, {})
    token_file, role_arn = environment.get("AWS_WEB_IDENTITY_TOKEN_FILE"), environment.get("AWS_ROLE_ARN")
    if token_file and role_arn:
        return WebIdentity(role_arn, home_path(environment, token_file), _session(environment))
    _require_possible(name, profile)
    return _profile_keys(name, profile) or container_keys(environment) or instance_keys(environment)


def _of_profile(
    name: str, profiles: Mapping[str, Profile], environment: Mapping[str, str], seen: tuple[str, ...] = ()
) -> AwsSource | None:
    """The role that profile `name` is for, or None when it is for none."""
    profile = profiles.get(name, {})
    role_arn = profile.get("role_arn")
    if not role_arn:
        return None
    if profile.get("web_identity_token_file"):
        path = home_path(environment, profile["web_identity_token_file"])
        return WebIdentity(role_arn, path, profile.get("role_session_name") or SESSION)
    return _role(name, profiles, environment, (*seen, name))


def _role(
    name: str, profiles: Mapping[str, Profile], environment: Mapping[str, str], seen: tuple[str, ...]
) -> AssumedRole:
    profile = profiles[name]
    if "mfa_serial" in profile:
        raise SecretError(f"AWS: profile {name!r} asks for a second factor (mfa_serial), which a gateway cannot give")
    life_s = profile.get("duration_seconds") or str(ROLE_LIFE_S)
    if not (life_s.isascii() and life_s.isdigit() and 900 <= int(life_s) <= 43_200):
        raise SecretError(f"AWS: duration_seconds of profile {name!r} is not a number from 900 to 43200")
    return AssumedRole(
        role_arn=profile["role_arn"],
        source=_base(name, profiles, environment, seen),
        session=profile.get("role_session_name") or SESSION,
        external_id=profile.get("external_id") or "",
        life_s=int(life_s),
    )


def _base(
    name: str, profiles: Mapping[str, Profile], environment: Mapping[str, str], seen: tuple[str, ...]
) -> AwsSource:
    """What the role of profile `name` is assumed with."""
    source, kind = profiles[name].get("source_profile"), profiles[name].get("credential_source")
    if bool(source) == bool(kind):
        raise SecretError(f"AWS: profile {name!r} has a role_arn and needs source_profile or credential_source, one")
    if source:
        return _of_source_profile(source, name, profiles, environment, seen)
    found = _of_credential_source(kind or "", environment)
    if found is None:
        raise SecretError(f"AWS: credential_source {kind!r} of profile {name!r} is not there")
    return found


def _of_source_profile(
    source: str, name: str, profiles: Mapping[str, Profile], environment: Mapping[str, str], seen: tuple[str, ...]
) -> AwsSource:
    if source not in profiles:
        raise SecretError(f"AWS: profile {name!r} builds on profile {source!r}, which does not exist")
    static = _profile_keys(source, profiles[source])
    if static is not None:  # which may be the profile's own
        return static
    if source in seen:
        raise SecretError(f"AWS: profile {name!r} builds on itself, by way of {' and '.join(seen)}")
    if len(seen) > CHAIN_MAX:
        raise SecretError(f"AWS: more than {CHAIN_MAX} profiles build on one another")
    found = _of_profile(source, profiles, environment, seen)
    if found is None:
        _require_possible(source, profiles[source])
        raise SecretError(f"AWS: profile {source!r}, on which {name!r} builds, holds neither keys nor a role")
    return found


def _of_credential_source(kind: str, environment: Mapping[str, str]) -> AwsSource | None:
    match kind:
        case "Environment":
            return _environment_keys(environment)
        case "EcsContainer":
            return container_keys(environment)
        case "Ec2InstanceMetadata":
            return instance_keys(environment)
        case _:
            return None


def _require_possible(name: str, profile: Profile) -> None:
    instead = (
        "give it an access key or a role_arn with a source_profile, run the gateway where the machine has a role, or "
        f"start it with keys from: aws configure export-credentials --profile {shlex.quote(name)} --format env"
    )
    if any(setting in profile for setting in ("sso_session", "sso_start_url", "login_session")):
        raise SecretError(f"AWS: profile {name!r} signs in a person, which a gateway cannot do; {instead}")
    if "credential_process" in profile and "aws_access_key_id" not in profile:
        raise SecretError(f"AWS: profile {name!r} starts a program for its keys, which the gateway refuses; {instead}")


def _environment_keys(environment: Mapping[str, str]) -> AwsKeys | None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION")
    return _keys("the environment", environment, names)


def _profile_keys(name: str, profile: Profile) -> AwsKeys | None:
    return _keys(f"profile {name!r}", profile, ("aws_access_key_id", "aws_secret_access_key", "aws_session_token", ""))


def _keys(where: str, settings: Mapping[str, str], names: tuple[str, str, str, str]) -> AwsKeys | None:
    """The keys in `settings`; None when it has neither part of one."""
    key_id, secret, token, expiration = (settings.get(name, "").strip() for name in names)
    if not key_id and not secret:
        return None
    if not key_id or not secret:
        raise SecretError(f"AWS: {where} holds only a part of a key: {names[1 if key_id else 0]} is missing")
    return checked_keys(f"AWS: {where}", key_id, secret, token, expiration)


def _session(environment: Mapping[str, str]) -> str:
    return environment.get("AWS_ROLE_SESSION_NAME") or SESSION
