"""Which of the provider's keys is which of ours: by the operator's word, its digest, or else the ends of its text."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from keywright.reconcile.reader import KeyHint

FINGERPRINT_CHARACTERS: Final = 12

How: TypeAlias = Literal["configured", "digest", "redacted"]


class Matched(Struct, frozen=True):
    """One key: the provider's id of it, our fingerprint, and how that is known."""

    id: str
    fingerprint: str
    how: How


def matched(
    hints: Iterable[KeyHint],
    configured: Mapping[str, str],
    known: Iterable[str],
    fitting: Callable[[str], tuple[str, ...]],
) -> tuple[Matched, ...]:
    """Those keys that are ours for certain.

    `configured`: id → fingerprint, by the operator. `known`: our fingerprints, those too whose secret is gone.
    `fitting`: the fingerprints of those of our secrets that have such ends. Ends that fit two secrets, or a secret that
    the ends of two keys fit, prove nothing.
    """
    ours = frozenset(known)
    found = {id_: Matched(id_, fingerprint, "configured") for id_, fingerprint in configured.items()}
    loose = []
    for hint in hints:
        if hint.id in found:
            continue
        digest = hint.sha256[:FINGERPRINT_CHARACTERS]
        if digest:
            if digest in ours:
                found[hint.id] = Matched(hint.id, digest, "digest")
            continue
        fits = fitting(hint.redacted) if hint.redacted else ()
        if len(fits) == 1:
            loose.append(Matched(hint.id, fits[0], "redacted"))
    often = Counter(each.fingerprint for each in (*found.values(), *loose))
    found |= {each.id: each for each in loose if often[each.fingerprint] == 1}
    return tuple(found.values())
