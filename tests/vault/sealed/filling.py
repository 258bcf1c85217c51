"""Many sealed secrets at once, and whether all of them open."""

from secrets import token_bytes

from msgspec.structs import asdict
from sqlalchemy import insert

from keywright.core.sealed import SECRET
from keywright.store.schema import SEALED
from keywright.vault.kek import Kek
from keywright.vault.sealed.envelope import Slot, seal, slot_of, unseal
from keywright.vault.sealed.ring import Ring
from tests.vault.sealed.shelves import Desk


def fill(desk: Desk, kek: Kek, rows: int, *, tenant: str = "acme", beside: Kek | None = None) -> None:
    """Seal `rows` secrets under `kek`, and its self-test, past the backend. `beside`: the key of what is there."""
    Ring((kek,) if beside is None else (kek, beside), desk.shelf, tenant, token_bytes).prove()
    slots = [Slot(tenant, f"name-{number:06}", 1, SECRET) for number in range(rows)]
    sealed = [asdict(seal(_secret(slot), slot, kek, token_bytes)) | {"created_s": 1} for slot in slots]
    if sealed:
        desk.run(desk.database.write(lambda connection: connection.execute(insert(SEALED), sealed)))


def opens(desk: Desk, kek: Kek) -> int:
    """How many secrets there are, all of which `kek` opens to what `fill` sealed."""
    rows = [row for row in desk.rows() if row.purpose == SECRET]
    assert all(unseal(row, slot_of(row), kek) == _secret(slot_of(row)) for row in rows)
    return len(rows)


def _secret(slot: Slot) -> bytes:
    return f"sk-of-{slot.tenant}-{slot.name}".encode()
