"""How a `Fetch` asks from a thread that blocks: the standard library's client in the pool's place.

Backends run in threads, before the event loop runs and beside it, so that the gateway's connection pool, which belongs
to the loop, cannot carry their questions for tokens. These are few, one an hour: each has a connection of its own.

What the pool has and this has not is the look at where a name resolves to. Addresses that are constants are asked over
TLS under their public names, so that whoever bends a name has no certificate for it.
"""

import asyncio
import ssl
from base64 import b64encode
from collections.abc import Callable, Coroutine, Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from typing import Any, TypeVar
from urllib.parse import unquote, urlsplit

from keywright.core.clock import SYSTEM_CLOCK
from keywright.core.errors import (
    ConnectFailedError,
    UpstreamBrokeError,
    UpstreamMalformedError,
    UpstreamTimeoutError,
)
from keywright.core.http import Header, HttpRequest, Reach
from keywright.vault.fetch import Fetch
from keywright.vault.sdk.proxy import proxy_for

T = TypeVar("T")


class BlockingAnswer:
    """An answer from its head on; its connection is closed with it."""

    def __init__(self, connection: HTTPConnection, response: HTTPResponse) -> None:
        self.status = response.status
        self.headers: tuple[Header, ...] = tuple(
            (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.getheaders()
        )
        self._connection = connection
        self._response = response

    async def read(self, bytes_max: int) -> bytes:
        """All of it. Raises UpstreamError when it is larger or ends too early."""
        try:
            body = self._response.read(bytes_max + 1)
        except (OSError, HTTPException) as error:
            raise UpstreamBrokeError(f"the connection ended within the answer ({type(error).__name__})") from None
        if len(body) > bytes_max:
            raise UpstreamMalformedError(f"the answer is larger than {bytes_max} bytes")
        if self._response.length:  # still to come; a read of so many bytes does not complain
            raise UpstreamBrokeError("the connection ended within the answer")
        return body

    def abort(self) -> None:
        """Let go of the connection."""
        self._response.close()
        self._connection.close()


class BlockingUpstreams:
    """A connection for each request. It blocks the loop that it is asked on: that loop has nothing else to do."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment

    async def send(self, reach: Reach, request: HttpRequest) -> BlockingAnswer:
        """The answer's head. Raises UpstreamError."""
        connection = self._connection(reach)
        try:
            connection.connect()
        except (OSError, HTTPException) as error:
            connection.close()
            raise ConnectFailedError(f"no connection ({type(error).__name__})") from None
        connection.sock.settimeout(reach.deadlines.first_byte_s)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in request.headers}
        try:
            connection.request(request.method.decode(), request.target.decode(), request.body or None, headers)
            return BlockingAnswer(connection, connection.getresponse())
        except TimeoutError:
            connection.close()
            raise UpstreamTimeoutError("first_byte", reach.deadlines.first_byte_s) from None
        except (OSError, HTTPException) as error:
            connection.close()
            raise UpstreamBrokeError(f"the connection ended ({type(error).__name__})") from None

    def _connection(self, reach: Reach) -> HTTPConnection:
        host, port, connect_s = reach.origin.host, reach.origin.port, reach.deadlines.connect_s
        if reach.origin.scheme == "http":  # a metadata service, or this machine
            return HTTPConnection(host, port, timeout=connect_s)
        context = ssl.create_default_context(cafile=reach.ca_file)
        proxy = reach.proxy
        if proxy is None:
            proxy = proxy_for(f"https://{f'[{host}]' if ':' in host else host}:{port}", self._environment)
        if not proxy:
            return HTTPSConnection(host, port, timeout=connect_s, context=context)
        parts = urlsplit(proxy)
        tunnel = HTTPSConnection(parts.hostname or "", parts.port or 80, timeout=connect_s, context=context)
        tunnel.set_tunnel(host, port, _authorization(unquote(parts.username or ""), unquote(parts.password or "")))
        return tunnel


def _authorization(user: str, password: str) -> dict[str, str]:
    pair = b64encode(f"{user}:{password}".encode()).decode()
    return {"Proxy-Authorization": f"Basic {pair}"} if user else {}


def asked(
    environment: Mapping[str, str], question: Callable[[Fetch], Coroutine[Any, Any, T]], ca_file: str | None = None
) -> T:
    """What `question` comes to, asked from this thread, which runs no event loop. `ca_file`: as of a `Fetch`.

    Raises:
        SecretError: as `question` does.
    """
    return asyncio.run(question(Fetch(BlockingUpstreams(environment), SYSTEM_CLOCK, ca_file=ca_file)))
