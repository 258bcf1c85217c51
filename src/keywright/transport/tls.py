"""TLS towards upstreams: always verified, TLS 1.2 or newer, HTTP/1.1 by ALPN."""

import ssl

from keywright.core.errors import ConnectFailedError


class TlsContexts:
    """One context per CA file, made when first needed. The system's trust is the context of None."""

    def __init__(self) -> None:
        self._contexts: dict[str | None, ssl.SSLContext] = {}

    def context(self, ca_file: str | None) -> ssl.SSLContext:
        """The context that trusts `ca_file` alone, or the system's authorities.

        Raises:
            ConnectFailedError: the file cannot be read as PEM certificates.
        """
        context = self._contexts.get(ca_file)
        if context is None:
            try:
                context = ssl.create_default_context(cafile=ca_file)
            except (OSError, ssl.SSLError):
                raise ConnectFailedError(f"ca_file {ca_file} cannot be read as PEM certificates", "tls") from None
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            context.set_alpn_protocols(["http/1.1"])
            self._contexts[ca_file] = context
        return context
