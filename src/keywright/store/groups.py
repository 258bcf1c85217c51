"""What calls have in common: rows of `usage_groups`, and the sets of tags in `tag_sets`.

A roll-up, and every question to ten million entries, adds up the calls of the same project, key, owner, provider,
models, credential and outcome. These values stand once in `usage_groups`; entries and roll-ups name them by a number of
64 bits. So rows are short, and a question to all entries takes seconds: SQLite sorts to group, and to sort by texts
takes it thrice as long as by a number.

The number is a digest of the values: writers need not ask what number a group has, two that write the same group at
once write the same row, and a copied database keeps its numbers. Among a million groups two share a number with a
probability of 3·10⁻⁸. Numbers from a sequence would be shorter by five bytes, and cost a look-up for each group of each
batch, or a cache that must not outlive an undone transaction.
"""

from hashlib import blake2b
from typing import Final, TypeAlias

import msgspec

from keywright.core.entry import Entry

GROUP_FIELDS: Final = (
    "project",
    "key_id",
    "owner",
    "provider",
    "served",
    "requested",
    "credential",
    "outcome",
    "unpriced",
)

Group: TypeAlias = tuple[str, str, str, str, str, str, str, str, int]
"""The values of `GROUP_FIELDS`."""

TagSet: TypeAlias = tuple[str, ...]
"""`name=value` of each tag, sorted, each once."""

NO_TAGS: Final = 0
"""The number of the set without tags, which has no row."""

FREE_ENDPOINTS: Final = frozenset({"models", "count", "files"})
"""What no provider charges for: without a price, such a call is not unpriced."""

DIGEST_BYTES: Final = 8

_encode: Final = msgspec.msgpack.Encoder().encode


def group_of(entry: Entry) -> Group:
    """The group of `entry`.

    What a refused call asked for is left out: it may be any text, and would be kept in the roll-ups for ever.
    """
    outcome = entry.outcome
    return (
        entry.project,
        entry.key_id,
        entry.owner,
        entry.provider,
        entry.served,
        "" if outcome == "refused" else entry.model,
        entry.credential,
        outcome,
        int(not entry.price and entry.served != "" and entry.endpoint not in FREE_ENDPOINTS),
    )


def tag_set_of(entry: Entry) -> TagSet:
    """The tags of `entry` as a set."""
    return tuple(sorted({f"{name}={value}" for name, value in entry.tags})) if entry.tags else ()


def number(values: tuple[str | int, ...]) -> int:
    """The number of a group or of a set of tags, of 64 bits with sign."""
    digest = blake2b(_encode(values), digest_size=DIGEST_BYTES).digest()
    return int.from_bytes(digest, "big", signed=True)
