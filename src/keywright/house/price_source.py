"""Where newer prices come from: a file, or the address that the configuration names."""

import os
from pathlib import Path
from typing import Final

from msgspec import Struct

from keywright.catalog.importer import DATA_URL
from keywright.config import PricesSource, parse_address
from keywright.core.errors import SourceError, UpstreamError
from keywright.core.http import HttpRequest, Reach
from keywright.house.reading import DEADLINES, Reading, Reply, why

SIGNATURE_SUFFIX: Final = ".sig"
CONNECTIONS_MAX: Final = 2


class Fetched(Struct, frozen=True):
    """What came from `where`, with the signature that lay beside it ("" for none)."""

    where: str
    data: bytes
    signature: str


def from_file(path: Path) -> Fetched:
    """A list in a file, and the signature beside it.

    Raises:
        OSError: the list cannot be read.
    """
    beside = path.with_name(path.name + SIGNATURE_SUFFIX)
    signature = beside.read_text(encoding="ascii", errors="replace") if beside.exists() else ""
    return Fetched(str(path), path.read_bytes(), signature)


async def from_source(source: PricesSource, base: Path, reading: Reading) -> Fetched:
    """The list at the source's address; its signature is only asked for where one is checked.

    Raises:
        SourceError: it cannot be had; says why.
    """
    url = source.url or DATA_URL
    address = parse_address(url)
    reach = Reach(
        origin=address.origin,
        ca_file=None if source.ca_file is None else os.fspath(base / source.ca_file),
        proxy=source.proxy,
        private=bool(source.url),
        deadlines=DEADLINES,
        connections_max=CONNECTIONS_MAX,
    )
    listed = await _got(reach, address.path, reading)
    if listed.status != 200:
        raise SourceError(f"no prices came from {address.origin.host}: it answered {listed.status}")
    signed = await _got(reach, address.path + SIGNATURE_SUFFIX, reading) if source.public_key else Reply(404, b"")
    signature = signed.body.decode("ascii", "replace") if signed.status == 200 else ""
    return Fetched(url, listed.body, signature)


async def _got(reach: Reach, path: str, reading: Reading) -> Reply:
    try:
        return await reading.get(
            reach, HttpRequest(b"GET", (path or "/").encode(), ((b"accept", b"application/json"),))
        )
    except UpstreamError as error:
        raise SourceError(f"no prices came from {reach.origin.host}: {why(error)}") from None
