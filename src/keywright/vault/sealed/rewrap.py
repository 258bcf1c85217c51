"""The change to another key encryption key: every data key is wrapped anew by the first, no ciphertext is touched.

It goes over the rows in their order, a batch in a transaction. A row is replaced only if its data key is still the one
that was unwrapped, so that it may be ended at any moment, begun again, and run by two at once: what is done is passed
over, what another did or wrote meanwhile stays. Reading and writing go on beside it.

A row that does not open does not end it: it is told of, and stays as it was. Many in a row do, since then the key or
its service is in trouble, not the rows.
"""

from collections.abc import Callable, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.sealed import Rewrapping, SealedSecret
from keywright.vault.kek import Kek
from keywright.vault.sealed.envelope import slot_of, unwrap, wrap
from keywright.vault.sealed.ring import Ring
from keywright.vault.sealed.shelf import Shelf

BATCH_ROWS: Final = 500
FAILURES_IN_A_ROW_MAX: Final = 10

Progress: TypeAlias = Callable[[int, int], None]
"""Told after each batch: how many rows it has gone over, of how many."""


class Left(Struct, frozen=True):
    """A row that stayed under its old key, and why."""

    name: str
    version: int
    why: str


class Rewrapped(Struct, frozen=True):
    """What came of it: how many rows were wrapped anew, and which were not."""

    done: int
    left: tuple[Left, ...]


def rewrap(shelf: Shelf, ring: Ring, tenant: str, progress: Progress, batch_rows: int = BATCH_ROWS) -> Rewrapped:
    """Bring all that `tenant` has under the first key of `ring`, which are the tenant's. May block for long.

    Raises:
        SecretError: the first key cannot be used, the database cannot serve, or `FAILURES_IN_A_ROW_MAX` rows in a row
            did not open. What is done is done; run it again to go on.
    """
    kek = ring.first()
    total = sum(uses for used, uses in shelf.kek_uses(tenant).items() if used != kek.id)
    progress(0, total)
    done, left = 0, list[Left]()
    after = ("", 0)
    while rows := shelf.not_under(tenant, kek.id, after, batch_rows):
        rewrappings, failed = _batch(rows, ring, kek)
        shelf.rewrap(rewrappings)
        done += len(rewrappings)
        left += failed
        after = (rows[-1].name, rows[-1].version)
        progress(done + len(left), total)
    return Rewrapped(done, tuple(left))


def _batch(rows: Sequence[SealedSecret], ring: Ring, kek: Kek) -> tuple[list[Rewrapping], list[Left]]:
    """`rows` wrapped by `kek`, and those that do not open. Raises SecretError when too many in a row do not."""
    rewrappings, failed = list[Rewrapping](), list[Left]()
    failures_in_a_row = 0
    for row in rows:
        try:
            rewrappings.append(_rewrapped(row, ring, kek))
            failures_in_a_row = 0
        except SecretError as error:
            failures_in_a_row += 1
            if failures_in_a_row == FAILURES_IN_A_ROW_MAX:
                raise type(error)(
                    f"{failures_in_a_row} sealed secrets in a row cannot be re-wrapped, the last is {row.name}: "
                    f"{error}. Mend that and run this again: it goes on where it ended"
                ) from None
            failed.append(Left(row.name, row.version, str(error)))
    return rewrappings, failed


def _rewrapped(row: SealedSecret, ring: Ring, kek: Kek) -> Rewrapping:
    slot = slot_of(row)
    data_key = unwrap(row.data_key, row.kek, slot, ring.named(row.kek))
    return Rewrapping(
        tenant=row.tenant,
        name=row.name,
        version=row.version,
        old=row.data_key,
        kek=kek.id,
        data_key=wrap(data_key, slot, kek),
    )
