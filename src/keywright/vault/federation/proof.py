"""Where a proof of who this workload is comes from: a JWT that its platform signed, and renews or signs anew."""

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias, assert_never

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.secret import Secret
from keywright.vault.federation.platform import Platform
from keywright.vault.federation.vendor import JWT
from keywright.vault.fetch import Fetch
from keywright.vault.home import anyone, read_handed

PROOF_BYTES_MAX: Final = 16_384


class FileProof(Struct, frozen=True):
    """A file that the platform keeps fresh: it is read for each exchange."""

    path: Path


class SecretProof(Struct, frozen=True):
    """A secret that something else keeps fresh. `reference` names it; `read` has it now, or raises SecretError."""

    reference: str
    read: Callable[[], Secret]

    def __repr__(self) -> str:
        return f"<proof at {self.reference}>"


class PlatformProof(Struct, frozen=True):
    """What a platform says of this workload to `audience`: it is asked, as `environment` says, for each exchange."""

    platform: Platform
    audience: str
    environment: Mapping[str, str]

    def __repr__(self) -> str:
        return f"<proof of {self.platform.name} for {self.audience}>"


Proof: TypeAlias = FileProof | SecretProof | PlatformProof


async def current_proof(proof: Proof, fetch: Fetch) -> Secret:
    """The proof as it is now. `fetch` asks platforms.

    Raises:
        SecretError: it cannot be had, or is no JWT.
    """
    match proof:
        case FileProof(path):
            return await asyncio.to_thread(handed_proof, path)
        case SecretProof(reference, read):
            return _accepted(f"token: {reference}", read().reveal())
        case PlatformProof(platform, audience, environment):
            return _accepted(f"source: {platform.name}", await platform.ask(audience, environment, fetch))
        case _:
            assert_never(proof)


def proof_type(proof: Proof) -> str:
    """Which kind of token it is, in the words of RFC 8693."""
    return proof.platform.proof_type if isinstance(proof, PlatformProof) else JWT


def handed_proof(path: Path) -> Secret:
    """The proof in a file as it is now. Blocks on a disk.

    Raises:
        SecretError: it cannot be had, or is no JWT.
    """
    return _accepted(f"token_file: {path}", read_handed("token_file", path, PROOF_BYTES_MAX, anyone))


def _accepted(who: str, text: str) -> Secret:
    jwt = text.strip()
    if not jwt:
        raise SecretError(f"{who} is empty; it should hold a JWT of this workload's platform")
    if len(jwt) > PROOF_BYTES_MAX:
        raise SecretError(f"{who} holds more than {PROOF_BYTES_MAX} bytes, which is no JWT of a platform's")
    if jwt.count(".") != 2 or not jwt.isascii() or not jwt.isprintable() or " " in jwt:
        raise SecretError(f"{who} holds something that is no signed JWT")
    return Secret(jwt)
