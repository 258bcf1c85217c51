"""What bounds the pool. Every figure is a limit; deadlines come with each `Reach` instead."""

from msgspec import Struct


class PoolSettings(Struct, frozen=True, forbid_unknown_fields=True):
    """Limits of one pool.

    `idle_s`: how long an unused connection is kept. `waiters_max`: how many calls may queue for a connection of one
    reach. `head_bytes_max`: a status line and all headers. `interim_max`: 1xx answers before the real one.
    `framing_bytes_max`: what may arrive in a body without bringing body (chunk extensions, trailers).
    `body_bytes_max`: one whole answer, streamed or not. `buffer_bytes_max`: body kept for a reader that is slower
    than the upstream, after which reading stops. `resolved_s`, `resolved_max`: age and number of remembered names.
    """

    idle_s: float = 50.0
    waiters_max: int = 1024
    head_bytes_max: int = 64 * 1024
    headers_max: int = 128
    interim_max: int = 8
    framing_bytes_max: int = 16 * 1024
    body_bytes_max: int = 1 << 30
    buffer_bytes_max: int = 256 * 1024
    resolved_s: float = 30.0
    resolved_max: int = 256
