"""Which models a provider has that no catalogue knows: asked of the provider itself, now and then."""

import asyncio
from collections.abc import Iterable
from typing import Final

import msgspec
from msgspec import Struct

from keywright.core.errors import SecretError, UpstreamError
from keywright.core.http import HttpRequest
from keywright.pipeline.routes import Source
from keywright.providers.provider import endpoint
from keywright.transport.pool import Pool

LIST_S: Final = 5.0
LIST_BYTES_MAX: Final = 4 * 1024 * 1024
MODELS_MAX: Final = 2_000


class _Row(Struct):
    id: str


class _List(Struct):
    data: list[_Row]


async def list_models(sources: Iterable[Source], pool: Pool) -> dict[str, tuple[str, ...]]:
    """The models of those `sources` that no catalogue lists and that answer within `LIST_S`, by the source's name."""
    asked = {source.name: source for source in sources if source.row.catalogue is None}
    answers = await asyncio.gather(*(_ask(source, pool) for source in asked.values()))
    return {name: models for name, models in zip(asked, answers, strict=True) if models}


async def _ask(source: Source, pool: Pool) -> tuple[str, ...]:
    there = endpoint(source.row, "models")
    if there is None:
        return ()
    headers = tuple((name.encode(), value.encode("latin-1")) for name, value in source.row.headers)
    request = HttpRequest(b"GET", (source.base_path + there.path).encode(), headers)
    held = source.credential
    try:
        async with asyncio.timeout(LIST_S):
            credential = await held.current() if held.renews else held
            answer = await pool.send(source.reach, credential.apply(request, source.reach.origin))
            try:
                body = await answer.read(LIST_BYTES_MAX)
            finally:
                answer.abort()
        rows = msgspec.json.decode(body, type=_List).data if answer.status == 200 else []
    except (SecretError, UpstreamError, TimeoutError, msgspec.DecodeError):
        return ()
    return tuple(row.id for row in rows[:MODELS_MAX])
