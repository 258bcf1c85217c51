"""Making one connection: resolve, check the address, connect, pass a proxy, shake hands.

The address that is checked is the very one that is connected to: names are resolved here, and the socket is given an
address, never a name, so that a name that answers differently the second time gains nothing.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable, Mapping
from typing import Final, TypeVar

import aiofastnet

from keywright.core.errors import ConnectFailedError, UpstreamTimeoutError
from keywright.core.http import Origin, Reach
from keywright.transport.proxy import Proxy, choose_proxy
from keywright.transport.request import host_name
from keywright.transport.resolve import Address, ResolverCache, literal_address
from keywright.transport.tls import TlsContexts

PROXY_HEAD_BYTES_MAX: Final = 8 * 1024
TLS_BUFFER_BYTES: Final = 32 * 1024
"""Each way, per connection: two records. The library's own 256 KiB could grow to 1 GB for 2,000 busy streams."""

KEEPALIVE_AFTER_S: Final = 60
"""A model may think for minutes: probes keep the path through NATs and find a dead peer."""

ProtocolT = TypeVar("ProtocolT", bound=asyncio.BaseProtocol)
AddressCheck = Callable[[Address], bool]
"""Whether a public upstream may be at that address."""


class Dialer:
    """Opens connections. `environment` says which proxies there are; `allowed` which addresses a reach that is not
    `private` may have.
    """

    def __init__(self, resolver: ResolverCache, allowed: AddressCheck, environment: Mapping[str, str]) -> None:
        self._resolver = resolver
        self._allowed = allowed
        self._environment = dict(environment)
        self._tls = TlsContexts()

    def proxy(self, reach: Reach) -> Proxy | None:
        """The proxy on the way to `reach`. Raises ConnectFailedError."""
        return choose_proxy(reach, self._environment)

    async def connect(self, reach: Reach, proxy: Proxy | None, make: Callable[[], ProtocolT], by: float) -> ProtocolT:
        """A connected protocol made by `make`, before `by` (the loop's clock).

        Raises:
            ConnectFailedError: it cannot be reached, verified, or may not be.
            UpstreamTimeoutError: `by` or the reach's own `connect_s` passed, whichever was first.
        """
        loop = asyncio.get_running_loop()
        deadlines = reach.deadlines
        connect_by = loop.time() + deadlines.connect_s
        try:
            async with asyncio.timeout_at(min(by, connect_by)):
                return await self._connect(reach, proxy, make)
        except TimeoutError:
            if by < connect_by:
                raise UpstreamTimeoutError("total", deadlines.total_s, sent=False) from None
            raise UpstreamTimeoutError("connect", deadlines.connect_s, sent=False) from None

    async def _connect(self, reach: Reach, proxy: Proxy | None, make: Callable[[], ProtocolT]) -> ProtocolT:
        origin = reach.origin
        context = self._tls.context(reach.ca_file) if origin.scheme == "https" else None
        if proxy is None:
            connected = await self._open(origin.host, origin.port, private=reach.private)
        else:
            literal = literal_address(origin.host)
            if literal is not None:
                self._check(literal, origin.host, private=reach.private)
            connected = await self._open(proxy.host, proxy.port, private=True)  # the operator wrote its address
        try:
            if proxy is not None and context is not None:
                await _tunnel(connected, proxy, origin)
            return await _wrap(connected, context, origin, make)
        except BaseException:
            connected.close()
            raise

    async def _open(self, host: str, port: int, *, private: bool) -> socket.socket:
        """A socket connected to the first address of `host` that answers."""
        literal = literal_address(host)
        if literal is not None:
            addresses: tuple[Address, ...] = (literal,)
        else:
            try:
                addresses = await self._resolver.resolve(host)
            except (OSError, UnicodeError) as error:
                raise ConnectFailedError(f"{host} does not resolve: {_reason(error)}", "name") from None
        for address in addresses:
            self._check(address, host, private=private)
        failure = "it has no address"
        for address in addresses:
            try:
                return await _open_socket(address, port)
            except OSError as error:
                failure = _reason(error)
        self._resolver.forget(host)
        raise ConnectFailedError(f"cannot connect to {host}:{port}: {failure}")

    def _check(self, address: Address, host: str, *, private: bool) -> None:
        """Refuse a name with even one address that is not allowed: whoever answers so is not a public provider."""
        if not private and not self._allowed(address):
            raise ConnectFailedError(
                f"{host} is at an address that is not public; if that is meant, the provider's base_url must say so",
                "address",
            )


async def _open_socket(address: Address, port: int) -> socket.socket:
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(0)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        if hasattr(socket, "TCP_KEEPIDLE"):
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_AFTER_S)
        await asyncio.get_running_loop().sock_connect(opened, (str(address), port))
    except BaseException:
        opened.close()
        raise
    return opened


async def _wrap(
    connected: socket.socket, context: ssl.SSLContext | None, origin: Origin, make: Callable[[], ProtocolT]
) -> ProtocolT:
    """The protocol on a connected socket, after the TLS handshake where there is one."""
    loop = asyncio.get_running_loop()
    if context is None:
        return (await aiofastnet.create_connection(loop, make, sock=connected))[1]
    try:
        _, protocol = await aiofastnet.create_connection(
            loop,
            make,
            sock=connected,
            ssl=context,
            server_hostname=origin.host,
            ssl_incoming_bio_size=TLS_BUFFER_BYTES,
            ssl_outgoing_bio_size=TLS_BUFFER_BYTES,
        )
    except OSError as error:
        raise ConnectFailedError(f"no TLS with {origin.host}:{origin.port}: {_reason(error)}", "tls") from None
    return protocol


async def _tunnel(connected: socket.socket, proxy: Proxy, origin: Origin) -> None:
    """Ask the proxy at the other end of `connected` for a tunnel to `origin`."""
    loop = asyncio.get_running_loop()
    where = f"{origin.host}:{origin.port}"
    target = b"%b:%d" % (host_name(origin), origin.port)
    request = b"CONNECT %b HTTP/1.1\r\nhost: %b\r\n" % (target, target)
    if proxy.authorization is not None:
        request += b"proxy-authorization: %b\r\n" % proxy.authorization
    head = b""
    try:
        await loop.sock_sendall(connected, request + b"\r\n")
        while b"\r\n\r\n" not in head and len(head) < PROXY_HEAD_BYTES_MAX:
            piece = await loop.sock_recv(connected, PROXY_HEAD_BYTES_MAX)
            if not piece:
                raise ConnectFailedError(f"the proxy closed the connection instead of a tunnel to {where}", "proxy")
            head += piece
    except OSError as error:
        raise ConnectFailedError(f"no tunnel to {where} by the proxy: {_reason(error)}", "proxy") from None
    status = head[9:12]
    if not head.startswith(b"HTTP/1.") or not status.isdigit():
        raise ConnectFailedError(f"the proxy's answer for {where} is not HTTP", "proxy")
    if not status.startswith(b"2"):
        raise ConnectFailedError(f"the proxy refused a tunnel to {where} with status {status.decode()}", "proxy")
    if not head.endswith(b"\r\n\r\n"):  # too long, or bytes before TLS has begun: nobody we know speaks first
        raise ConnectFailedError(f"the proxy's answer for {where} does not end after its head", "proxy")


def _reason(error: Exception) -> str:
    """Why, in words that name no address (asyncio puts one into `strerror`)."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError | socket.gaierror):
        return str(error.strerror)
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno).lower()
    return type(error).__name__
