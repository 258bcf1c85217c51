"""One exchange with the server, over hvac's adapter: bounded in time and size, and no failure shows what was said.

hvac's own methods are not used: their time-out is the client's and not the question's, their exceptions carry the
answer's text, and they keep the token as plain text. Its adapter makes the URL and the headers that every such server
wants.

The time-out holds for each wait on the socket, and between two pieces of an answer. So an exchange may outlast its
question: who waits for the question does not wait for it.
"""

from collections.abc import Callable, Mapping
from typing import Final
from urllib.parse import quote

import msgspec
import requests
import urllib3
from hvac.adapters import RawAdapter  # type: ignore[import-untyped]  # none are shipped

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.backends.vault.exchange import Asked, Json, Method, Reply
from keywright.vault.backends.vault.server import Server

ANSWER_BYTES_MAX: Final = 8_388_608
PIECE_BYTES: Final = 65_536


class Wire:
    """Speaks to one server. Threads may do so at once."""

    def __init__(self, server: Server, timeout_s: float, ticks_s: Callable[[], float]) -> None:
        self.host = server.host
        self._timeout_s = timeout_s
        self._ticks_s = ticks_s
        self._session = requests.Session()
        self._session.trust_env = False  # what is in the environment, `Server` has read
        self._session.verify = server.ca or True  # the adapter lets it go before its own argument
        self._adapter = RawAdapter(
            base_uri=server.url,
            cert=server.client_cert,
            proxies={"http": server.proxy, "https": server.proxy} if server.proxy else {},
            allow_redirects=False,  # they would take the token along
            session=self._session,
            namespace=server.namespace,
        )

    def asked(self, about: str) -> Asked:
        """A question that begins now."""
        return Asked(about, self._ticks_s() + self._timeout_s)

    def left_s(self, asked: Asked) -> float:
        """How long the question may still take.

        Raises:
            SecretError: no longer.
        """
        left_s = asked.ends_s - self._ticks_s()
        if left_s <= 0:
            raise self.too_slow(asked)
        return left_s

    def too_slow(self, asked: Asked) -> SecretError:
        """The failure of a question that has no time left."""
        return SecretError(f"{asked.about}: {self.host} gave no answer within {self._timeout_s:g} s")

    def exchange(
        self,
        asked: Asked,
        method: Method,
        path: str,
        token: Secret | None,
        body: Json | None = None,
        query: Mapping[str, str] | None = None,
    ) -> Reply:
        """The answer to `method` at `/v1/` `path`, whatever its status.

        Raises:
            SecretError: none came, or it cannot be read.
        """
        try:
            response = self._adapter.request(
                method,
                f"/v1/{quote(path)}",
                raise_exception=False,
                headers={"X-Vault-Token": token.reveal()} if token is not None else {},
                timeout=self.left_s(asked),
                stream=True,
                json=body,
                params=query,
            )
            with response:
                content = self._content(asked, response.raw)
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise self._failure(asked, error) from None
        return self._decoded(asked, response.status_code, content)

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def _content(self, asked: Asked, raw: urllib3.HTTPResponse) -> bytes:
        pieces: list[bytes] = []
        left_bytes = ANSWER_BYTES_MAX
        while piece := raw.read1(PIECE_BYTES, decode_content=True):
            left_bytes -= len(piece)
            if left_bytes < 0:
                raise SecretError(f"{asked.about}: {self.host} answered more than {ANSWER_BYTES_MAX} bytes")
            pieces.append(piece)
            self.left_s(asked)
        return b"".join(pieces)

    def _decoded(self, asked: Asked, status: int, content: bytes) -> Reply:
        try:
            reply = msgspec.json.decode(content, type=Reply) if content.strip() else Reply()
        except (msgspec.DecodeError, UnicodeDecodeError):
            if status < 300:
                # From None: what was decoded may hold the secret.
                raise SecretError(f"{asked.about}: {self.host} answered as no such server does") from None
            reply = Reply()  # a proxy's page of an error, most likely
        return msgspec.structs.replace(reply, status=status)

    def _failure(self, asked: Asked, error: Exception) -> SecretError:
        if isinstance(error, requests.exceptions.SSLError):
            if "CERTIFICATE_VERIFY_FAILED" in str(error):
                why = "its certificate is not trusted: name its authority in ca_file or VAULT_CACERT"
            else:
                why = "it does not speak TLS as we do: is its address http:// perhaps?"
            return SecretError(f"{asked.about}: {self.host} is not asked: {why}")
        if isinstance(error, requests.Timeout | urllib3.exceptions.TimeoutError):
            return self.too_slow(asked)
        if isinstance(error, requests.exceptions.ProxyError):
            return SecretError(f"{asked.about}: the proxy to {self.host} gives no connection")
        if isinstance(error, requests.ConnectionError | urllib3.exceptions.HTTPError):
            return SecretError(f"{asked.about}: {self.host} is down: {_cause(error)}")
        if isinstance(error, OSError) and not isinstance(error, requests.RequestException):
            return SecretError(f"{asked.about}: {self.host} is not asked: a certificate file cannot be read")
        return SecretError(f"{asked.about}: {self.host} cannot be asked")


def _cause(error: Exception) -> str:
    """In a few words of ours: the exception's own may repeat an address with a password."""
    text = str(error)
    if "NameResolutionError" in text or "Name or service not known" in text:
        return "its name does not resolve"
    return "it refuses connections" if "refused" in text else "the connection broke"
