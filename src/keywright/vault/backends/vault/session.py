"""Asking the server, signed in: what the backend and the key of transit have in common."""

from collections.abc import Callable, Mapping
from time import monotonic
from typing import Final, TypeVar

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backends.vault.exchange import Asked, Json, Method, Reply
from keywright.vault.backends.vault.refusal import refusal
from keywright.vault.backends.vault.server import server_of
from keywright.vault.sdk.service import Fault, Service
from keywright.vault.settings import StoreSettings

ANSWERS: Final = frozenset({200, 204, 400, 404, 405})
"""Statuses whose meaning depends on what was asked; the others are refused here."""


T = TypeVar("T")


class Session:
    """One client of one server. Threads may ask at once."""

    def __init__(
        self,
        settings: StoreSettings,
        environment: Mapping[str, str],
        resolve: Callable[[str], Secret],
        ticks_s: Callable[[], float] = monotonic,
    ) -> None:
        """Raises SecretError: the settings lack something, or hvac is not installed. Nothing is asked yet."""
        # ruff: noqa: PLC0415
        try:
            from keywright.vault.backends.vault.login import SignIn, login_of
            from keywright.vault.backends.vault.tokens import Tokens
            from keywright.vault.backends.vault.wire import Wire
        except ImportError:
            raise SecretError("vault:// needs the extra: pip install 'keywright[vault]'") from None
        self._wire = Wire(server_of(settings, environment), settings.timeout_s, ticks_s)
        self._service = Service(self._wire.host, settings.timeout_s, _unforeseen, ticks_s)
        self._tokens = Tokens(SignIn(login_of(settings, environment), self._wire, resolve), self._wire, ticks_s)

    def put(self, about: str, work: Callable[[Asked], T]) -> T:
        """What `work` returns, which asks what it has to; all of it takes no longer than the time-out. `about`: what
        messages name.

        Raises:
            SecretError: as `work` does, or it took too long.
        """
        return self._service.ask(about, lambda _: work(self._wire.asked(about)))

    @property
    def again_s(self) -> float | None:
        """After how many seconds the token is to be renewed, by whoever asks then; None: it does not end."""
        return self._tokens.again_s

    def left_s(self, asked: Asked) -> float:
        """How long the question may still take. Raises SecretError: no longer."""
        return self._wire.left_s(asked)

    def too_slow(self, asked: Asked) -> SecretError:
        """The failure of a question that has no time left."""
        return self._wire.too_slow(asked)

    def ask(
        self,
        asked: Asked,
        method: Method,
        path: str,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """The answer, of a status among `ANSWERS`.

        Raises:
            SecretDeniedError: no policy allows it, or we cannot sign in.
            SecretError: it was not answered, or the server is in trouble: which.
        """
        token = self._tokens.current(asked)
        reply = self._wire.exchange(asked, method, path, token, body, query)
        if reply.status == 403 and self._tokens.doubted(asked, token):
            reply = self._wire.exchange(asked, method, path, self._tokens.current(asked), body, query)
        if reply.status not in ANSWERS:
            raise refusal(asked, self._wire.host, reply)
        return reply

    def refused(self, asked: Asked, reply: Reply) -> SecretError:
        """The failure that a reply among `ANSWERS` is, where the asker has no better words."""
        return refusal(asked, self._wire.host, reply)

    def close(self) -> None:
        """Close the connections. The token stays valid until it ends: it may be somebody else's too."""
        self._wire.close()


def _unforeseen(error: Exception) -> Fault:
    """Of what the wire lets through: nothing, since it makes its own failures."""
    return Fault("refused", type(error).__name__)
