"""A provider's own figures, read with an admin key: the HTTP under a reader of `reconcile`."""

from collections.abc import Mapping
from datetime import date
from typing import assert_never

from msgspec.structs import replace

from keywright.config import ProviderConfig, reach, resolve_provider
from keywright.config.upstream import NO_ENVIRONMENT
from keywright.core.errors import SourceError, UpstreamError
from keywright.core.http import HttpRequest, Reach
from keywright.core.secret import Secret
from keywright.house.reading import DEADLINES, Reading, why
from keywright.providers.provider import Bearer, HeaderKey, Provider
from keywright.reconcile import Reader
from keywright.reconcile.reader import Ask, Told
from keywright.vault.credential import BearerCredential, HeaderCredential


class Figures:
    """Asks the provider `name` as it is configured, with its `admin_key`."""

    def __init__(
        self,
        name: str,
        config: ProviderConfig,
        admin_key: Secret,
        reading: Reading,
        environment: Mapping[str, str] = NO_ENVIRONMENT,
    ) -> None:
        self._name = name
        self._reading = reading
        row = resolve_provider(name, config, environment)
        self._reach: Reach = replace(reach(name, config, environment), deadlines=DEADLINES)
        self._base = row.base_url.partition("://")[2].partition("/")[2].rstrip("/")
        self._headers = tuple((header.encode(), value.encode("latin-1")) for header, value in row.headers)
        self._credential = _credential(name, row, admin_key)

    async def told(self, reader: Reader, day: date) -> Told:
        """All that the provider tells of `day`.

        Raises:
            SourceError: it refuses the key, answers nothing, or something else; says what to do.
        """
        conversation = reader.read(day)
        body: bytes | None = None
        try:
            ask = next(conversation)
            while True:
                body = await self._answer(ask, reader)
                ask = conversation.send(body)
        except StopIteration as end:
            told: Told = end.value
            return told
        except ValueError as error:
            raise SourceError(f"{self._name}: {error}") from None

    async def _answer(self, ask: Ask, reader: Reader) -> bytes | None:
        prefix = f"/{self._base}" if self._base else ""
        request = HttpRequest(b"GET", (prefix + ask.target).encode(), self._headers)
        path = ask.target.partition("?")[0]
        try:
            reply = await self._reading.get(self._reach, self._credential.apply(request, self._reach.origin))
        except UpstreamError as error:
            raise SourceError(f"{self._name} tells no figures: {why(error)} ({path})") from None
        match reply.status:
            case 200:
                return reply.body
            case 404 if ask.may_be_absent:
                return None
            case 401 | 403:
                raise SourceError(
                    f"{self._name} refuses providers.{self._name}.admin_key for {path} ({reply.status}): "
                    f"it wants {reader.key_kind}"
                )
            case 429:
                raise SourceError(f"{self._name} wants to be asked later (429 for {path}): wait, and try again")
            case _:
                raise SourceError(f"{self._name} tells no figures: it answered {reply.status} for {path}")


def _credential(name: str, row: Provider, secret: Secret) -> HeaderCredential:
    match row.credential:
        case Bearer():
            return BearerCredential(name, secret)
        case HeaderKey(header):
            return HeaderCredential(name, header, secret)
        case _:
            assert_never(row.credential)
