"""How a token is had: which way is decided from the settings and the environment; then it is gone.

Where no way is set, it is the first that is told of: `token` in the settings, `role_id` in them, `VAULT_TOKEN`,
`VAULT_ROLE_ID`, and the file in which the vendor's command line keeps its token.

Every secret that a login needs is a reference to this machine and is resolved anew each time, since tokens in files are
replaced by others. A `secret_id` may be wrapped: what then stands in its place is a token that is good for one look at
it, so it is kept once it is unwrapped.
"""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from keywright.core.errors import SecretDeniedError, SecretError
from keywright.core.secret import Secret
from keywright.vault.backends.vault.exchange import Asked, Grant, Json, Reply
from keywright.vault.backends.vault.refusal import refusal, words
from keywright.vault.backends.vault.server import told, variable
from keywright.vault.backends.vault.wire import Wire
from keywright.vault.hidden import Hidden
from keywright.vault.settings import StoreSettings, VaultLogin

KUBERNETES_JWT_FILE: Final = "/var/run/secrets/kubernetes.io/serviceaccount/token"
WRAPPING_PREFIXES: Final = ("hvs.", "s.")
"""How the tokens of both vendors begin; a secret_id is a UUID."""
LEFT_BY_TOOLS: Final = ".vault-token"
"""The file in which `vault login` leaves a token."""
INSTEAD: Final = "; set VAULT_TOKEN, or say `token` or `login` in the settings of the store"

Resolve: TypeAlias = Callable[[str], Secret]


class TokenLogin(Struct, frozen=True):
    """A token that somebody else has made, at a reference."""

    token: str


class AppRoleLogin(Struct, frozen=True):
    """`secret_id`: a reference, or None where the role wants none."""

    mount: str
    role_id: str
    secret_id: str | None


class JwtLogin(Struct, frozen=True):
    """A signed token in a file: Kubernetes' own, or any issuer's. `role` None: the method's default."""

    mount: str
    role: str | None
    jwt: str


Login: TypeAlias = TokenLogin | AppRoleLogin | JwtLogin


def login_of(settings: StoreSettings, environment: Mapping[str, str]) -> Login:
    """The way to sign in.

    Raises:
        SecretError: none is told of, or not all that it needs.
    """
    match settings.login or _usual(settings, environment):
        case "token":
            return TokenLogin(_token(settings, environment))
        case "approle":
            role_id = settings.role_id or told(environment, "ROLE_ID")
            if role_id is None:
                raise SecretError("login by AppRole needs `role_id` in the settings of the store, or VAULT_ROLE_ID")
            name = variable(environment, "SECRET_ID")
            secret_id = settings.secret_id or (f"env:{name}" if name else None)
            return AppRoleLogin(settings.login_mount or "approle", role_id, secret_id)
        case "kubernetes":
            if settings.role is None:
                raise SecretError("login by Kubernetes needs `role` in the settings of the store")
            path = settings.jwt_file or KUBERNETES_JWT_FILE
            return JwtLogin(settings.login_mount or "kubernetes", settings.role, f"file:{path}")
        case "jwt":
            if settings.jwt_file is None:
                raise SecretError("login by JWT needs `jwt_file` in the settings of the store")
            return JwtLogin(settings.login_mount or "jwt", settings.role, f"file:{settings.jwt_file}")
        case other:
            assert_never(other)


class SignIn:
    """Signs in by `login`, over and over."""

    def __init__(self, login: Login, wire: Wire, resolve: Resolve) -> None:
        self._login = login
        self._wire = wire
        self._resolve = resolve
        self._wrapped: Secret | None = None
        self._unwrapped: Secret | None = None

    def grant(self, asked: Asked) -> tuple[Secret, Grant]:
        """A token, and what is known of its life. Not for several threads at once.

        Raises:
            SecretDeniedError: the server does not let us in.
            SecretError: it cannot be asked, or what it should be told cannot be had.
        """
        login = self._login
        match login:
            case TokenLogin():
                token = self._told(asked, login.token)
                return token, self._looked_up(asked, token)
            case AppRoleLogin():
                body = {"role_id": login.role_id}
                hidden: tuple[Secret, ...] = (Secret(login.role_id),)
                if login.secret_id is not None:
                    secret_id = self._secret_id(asked, login.mount, self._told(asked, login.secret_id))
                    body["secret_id"] = secret_id.reveal()
                    hidden += (secret_id,)
                return self._entered(asked, login.mount, body, Hidden(*hidden))
            case JwtLogin():
                jwt = self._told(asked, login.jwt)
                body = {"jwt": jwt.reveal()} | ({"role": login.role} if login.role else {})
                return self._entered(asked, login.mount, body, Hidden(jwt))
            case _:
                assert_never(login)

    def _told(self, asked: Asked, reference: str) -> Secret:
        try:
            return self._resolve(reference)
        except SecretError as error:
            instead = INSTEAD if reference.endswith(f"/{LEFT_BY_TOOLS}") else ""
            raise SecretError(f"{asked.about}: cannot sign in at {self._wire.host}: {error}{instead}") from None

    def _looked_up(self, asked: Asked, token: Secret) -> Grant:
        """A token that may not look at itself is taken for one that does not end: its use will tell."""
        reply = self._wire.exchange(asked, "GET", "auth/token/lookup-self", token)
        if reply.status == 403:
            return Grant()
        if reply.status != 200 or reply.data is None:
            raise refusal(asked, self._wire.host, reply)
        life_s, renewable = reply.data.get("ttl"), reply.data.get("renewable")
        return Grant("", float(life_s) if isinstance(life_s, int | float) else 0.0, renewable is True)

    def _entered(self, asked: Asked, mount: str, body: Json, hidden: Hidden) -> tuple[Secret, Grant]:
        reply = self._wire.exchange(asked, "POST", f"auth/{mount}/login", None, body)
        if reply.status in (400, 403, 404):
            raise self._kept_out(asked, f"by {mount}", reply, hidden)
        if reply.auth is None or not reply.auth.client_token:
            raise refusal(asked, self._wire.host, reply)
        return Secret(reply.auth.client_token), reply.auth

    def _secret_id(self, asked: Asked, mount: str, found: Secret) -> Secret:
        if not found.reveal().startswith(WRAPPING_PREFIXES):
            return found
        if self._wrapped != found or self._unwrapped is None:
            self._unwrapped = self._unwrap(asked, mount, found)
            self._wrapped = found
        return self._unwrapped

    def _unwrap(self, asked: Asked, mount: str, wrapped: Secret) -> Secret:
        """What is within, if it was wrapped where this login's secret_ids are made: anybody can wrap anything."""
        told_of = self._wire.exchange(asked, "POST", "sys/wrapping/lookup", None, {"token": wrapped.reveal()})
        made_at = str((told_of.data or {}).get("creation_path", ""))
        if told_of.status != 200:
            raise self._kept_out(asked, "by a wrapped secret_id that is used up or too old", told_of, Hidden(wrapped))
        if not made_at.startswith(f"auth/{mount}/role/"):
            raise SecretDeniedError(f"{asked.about}: the wrapped secret_id was made elsewhere than at auth/{mount}")
        reply = self._wire.exchange(asked, "POST", "sys/wrapping/unwrap", wrapped)
        secret_id = (reply.data or {}).get("secret_id")
        if reply.status != 200 or not isinstance(secret_id, str) or not secret_id:
            raise self._kept_out(asked, "by a wrapped secret_id", reply, Hidden(wrapped))
        return Secret(secret_id)

    def _kept_out(self, asked: Asked, how: str, reply: Reply, hidden: Hidden) -> SecretDeniedError:
        why = words(reply, hidden)
        return SecretDeniedError(f"{asked.about}: {self._wire.host} does not let us sign in {how}{why}")


def _usual(settings: StoreSettings, environment: Mapping[str, str]) -> VaultLogin:
    by_role = settings.role_id is not None or (told(environment, "ROLE_ID") and not told(environment, "TOKEN"))
    return "approle" if by_role and settings.token is None else "token"


def _token(settings: StoreSettings, environment: Mapping[str, str]) -> str:
    name, home = variable(environment, "TOKEN"), environment.get("HOME")
    if settings.token is not None:
        return settings.token
    if name is not None:
        return f"env:{name}"
    if home:
        return f"file:{home}/{LEFT_BY_TOOLS}"
    raise SecretError("vault:// needs a way to sign in: say `login` in the settings of the store, or set VAULT_TOKEN")
