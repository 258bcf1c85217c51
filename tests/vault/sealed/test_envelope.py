"""What is sealed for one row opens there, by that key, as it was; anything else is refused."""

import json
from hashlib import sha256
from itertools import permutations
from pathlib import Path
from secrets import token_bytes

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.errors import SecretError
from keywright.core.sealed import SealedSecret
from keywright.vault.keks.local import LocalKek
from keywright.vault.sealed.envelope import Slot, bound, context_of, read_wrapped, seal, slot_of, unseal
from tests.vault.sealed.samples import CANARY, SLOT, FarKek, local_kek

VECTORS = Path(__file__).with_name("vectors.json")
KEK = local_kek("first")

names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
slots = st.builds(Slot, names, names, st.integers(0, 2**63 - 1), names)


def refusal(row: SealedSecret, slot: Slot = SLOT, kek: LocalKek | FarKek = KEK) -> str:
    with pytest.raises(SecretError) as caught:
        unseal(row, slot, kek)
    assert CANARY not in str(caught.value)
    return str(caught.value)


@given(secret=st.binary(max_size=300), slot=slots)
def test_what_is_sealed_opens_in_its_slot(secret: bytes, slot: Slot) -> None:
    row = seal(secret, slot, KEK, token_bytes)
    assert slot_of(row) == slot
    assert row.kek == KEK.id
    assert unseal(row, slot, KEK) == secret


def test_the_secret_is_in_no_column_and_two_sealings_of_it_have_nothing_in_common() -> None:
    one, two = (seal(CANARY.encode(), SLOT, KEK, token_bytes) for _ in range(2))
    assert CANARY.encode() not in one.ciphertext + one.data_key
    assert one.ciphertext[1:] != two.ciphertext[1:]
    assert read_wrapped(one.data_key).key != read_wrapped(two.data_key).key


@given(one=slots, other=slots)
def test_two_slots_are_bound_as_the_same_bytes_only_if_they_are_the_same(one: Slot, other: Slot) -> None:
    assert (bound(b"a", one) == bound(b"a", other)) == (one == other)
    assert bound(b"a", one) != bound(b"b", one)
    assert (context_of(one) == context_of(other)) == (one == other)


@given(parts=st.tuples(names, names, names))
def test_letters_that_move_from_one_name_to_the_next_are_bound_as_other_bytes(parts: tuple[str, str, str]) -> None:
    text = "".join(parts)
    tenant, name, purpose = parts
    slot = Slot(tenant, name, 1, purpose)
    for end in range(len(text) + 1):
        for begin in range(end + 1):
            moved = Slot(text[:begin], text[begin:end], 1, text[end:])
            assert (bound(b"a", moved) == bound(b"a", slot)) == (moved == slot)


OTHERS = (
    replace(SLOT, tenant="bcme"),
    replace(SLOT, name="anthropic"),
    replace(SLOT, version=2),
    replace(SLOT, purpose="self-test"),
)


@pytest.mark.parametrize("other", OTHERS, ids=("tenant", "name", "version", "purpose"))
@pytest.mark.parametrize("columns", [("ciphertext",), ("data_key",), ("ciphertext", "data_key")], ids="+".join)
def test_what_is_moved_from_one_row_to_another_is_refused(other: Slot, columns: tuple[str, ...]) -> None:
    here, there = (seal(CANARY.encode(), slot, KEK, token_bytes) for slot in (SLOT, other))
    moved = replace(here, **{column: getattr(there, column) for column in columns})
    refusal(moved)


@pytest.mark.parametrize("column", ["ciphertext", "data_key"])
def test_what_is_moved_between_two_sealings_of_the_same_row_is_refused(column: str) -> None:
    here, there = (seal(CANARY.encode(), SLOT, KEK, token_bytes) for _ in range(2))
    refusal(replace(here, **{column: getattr(there, column)}))


def test_a_row_that_says_another_slot_of_itself_is_refused_where_it_is_asked_for() -> None:
    row = seal(CANARY.encode(), OTHERS[0], KEK, token_bytes)
    refusal(row, SLOT)
    for other in OTHERS:
        refusal(seal(CANARY.encode(), SLOT, KEK, token_bytes), other)


def test_a_data_key_and_a_ciphertext_never_change_their_places() -> None:
    row = seal(CANARY.encode(), SLOT, KEK, token_bytes)
    for one, two in permutations((row.ciphertext, row.data_key, read_wrapped(row.data_key).key), 2):
        if (one, two) != (row.ciphertext, row.data_key):
            refusal(replace(row, ciphertext=one, data_key=two))


def test_every_bit_counts() -> None:
    row = seal(b"sk", SLOT, KEK, token_bytes)
    for column in ("ciphertext", "data_key"):
        content: bytes = getattr(row, column)
        for bit in range(8 * len(content)):
            flipped = bytearray(content)
            flipped[bit // 8] ^= 1 << bit % 8
            refusal(replace(row, **{column: bytes(flipped)}))


@given(data=st.data())
def test_what_is_cut_off_or_made_longer_is_refused(data: st.DataObject) -> None:
    row = seal(b"sk", SLOT, KEK, token_bytes)
    column = data.draw(st.sampled_from(("ciphertext", "data_key")))
    content: bytes = getattr(row, column)
    end = data.draw(st.integers(0, len(content) - 1))
    refusal(replace(row, **{column: content[:end]}))
    refusal(replace(row, **{column: content + data.draw(st.binary(min_size=1, max_size=9))}))


@given(data_key=st.binary(max_size=80), ciphertext=st.binary(max_size=80))
def test_any_bytes_are_refused_with_a_reason(data_key: bytes, ciphertext: bytes) -> None:
    row = seal(b"sk", SLOT, KEK, token_bytes)
    refusal(replace(row, data_key=data_key))
    refusal(replace(row, ciphertext=ciphertext))


def test_another_key_is_refused_by_its_id_or_by_its_bytes() -> None:
    row = seal(CANARY.encode(), SLOT, KEK, token_bytes)
    assert KEK.id in refusal(row, SLOT, local_kek("second"))
    far = seal(CANARY.encode(), SLOT, FarKek("one", "first"), token_bytes)
    assert "damaged, or was wrapped for another row or" in refusal(far, SLOT, FarKek("one", "second"))
    assert "wrapped by another key" in refusal(replace(row, kek="local:other"))


def test_a_data_key_that_was_wrapped_another_way_is_not_given_to_the_key() -> None:
    one, other = FarKek("one", "first"), FarKek("one", "first")
    other.algorithm = "further"
    assert "wrapped as far" in refusal(seal(b"sk", SLOT, one, token_bytes), SLOT, other)
    assert other.unwraps == 0


@pytest.mark.parametrize("vector", json.loads(VECTORS.read_text()), ids=lambda vector: vector["name"])
def test_the_format_is_the_one_that_is_written_down(vector: dict[str, str]) -> None:
    """Rows that exist stay readable: a change here is a new scheme."""
    drawn = iter(bytes.fromhex(part) for part in vector["random"].split())
    kek = LocalKek("file:/keys/golden", lambda: bytes.fromhex(vector["kek"]), lambda _: next(drawn))
    slot = Slot(vector["tenant"], vector["slot"], int(vector["version"]), vector["purpose"])
    row = seal(vector["secret"].encode(), slot, kek, lambda _: next(drawn))
    assert row.kek == vector["kek_id"]
    assert bound(b"keywright sealed secret", slot).hex() == vector["associated"]
    assert row.data_key.hex() == vector["data_key"]
    assert row.ciphertext.hex() == vector["ciphertext"]
    assert unseal(row, slot, kek).decode() == vector["secret"]


def test_who_has_the_key_opens_a_row_by_the_written_format_alone() -> None:
    vector = json.loads(VECTORS.read_text())[0]

    def part(data: bytes, at: int) -> int:
        """Where the part that begins at `at`, behind its length, ends."""
        return at + 2 + int.from_bytes(data[at : at + 2], "big")

    def derived(label: bytes) -> bytes:
        return HKDF(SHA256(), 32, salt=None, info=label).derive(bytes.fromhex(vector["kek"]))

    def associated(layer: bytes) -> bytes:
        parts = (layer, b"acme", b"openai", (3).to_bytes(8, "big"), b"secret")
        return b"\x01" + b"".join(len(one).to_bytes(4, "big") + one for one in parts)

    data_key, ciphertext = bytes.fromhex(vector["data_key"]), bytes.fromhex(vector["ciphertext"])
    wrapped = data_key[part(data_key, part(data_key, 1)) :]
    wraps = AESGCM(derived(b"keywright kek 1: wraps data keys"))
    key = wraps.decrypt(wrapped[:12], wrapped[12:], sha256(associated(b"keywright sealed data key")).digest())
    assert AESGCM(key).decrypt(ciphertext[1:13], ciphertext[13:], associated(b"keywright sealed secret")) == (
        b"sk-golden-vector"
    )
    assert vector["kek_id"] == f"local:{derived(b'keywright kek 1: names itself')[:8].hex()}"
