"""Whether a key encryption key can be used, and is the one that a store knows, without a row being written."""

from keywright.core.errors import SecretError
from keywright.core.sealed import SELF_TEST
from keywright.vault.kek import DATA_KEY_BYTES, Kek
from keywright.vault.sealed.envelope import Random, Slot, unseal, unwrap, wrap
from keywright.vault.sealed.shelf import Shelf


def try_kek(kek: Kek, shelf: Shelf | None, tenant: str, random: Random) -> str:
    """The id of `kek`, which wraps and unwraps, and opens its self-test on `shelf` where there is one. May block.

    Raises:
        SecretError: it does not, or cannot be asked.
    """
    slot = Slot(tenant, f"{SELF_TEST}/{kek.id}", 1, SELF_TEST)
    data_key = random(DATA_KEY_BYTES)
    if unwrap(wrap(data_key, slot, kek), kek.id, slot, kek) != data_key:
        raise SecretError(f"the key {kek.id} unwraps something else than it wrapped")
    row = None if shelf is None else shelf.newest(tenant, slot.name)
    if row is not None:
        try:
            unseal(row, slot, kek)
        except SecretError as error:
            raise type(error)(f"the key {kek.id} does not open what it sealed in this store: {error}") from None
    return kek.id
