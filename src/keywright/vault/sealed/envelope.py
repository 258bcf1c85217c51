"""How a secret lies in Keywright's own store.

    secret ──AES-256-GCM, data key──▶ ciphertext        data key ──KEK──▶ wrapped, kept beside it
                  ▲                                                 ▲
                  └── tenant, name, version, purpose, scheme ───────┘

Every version of every secret has a data key of its own, drawn at random and used for this one message: no nonce can
come twice under it, and a KEK is changed by wrapping 32 bytes anew, without touching a ciphertext (`rewrap.py`).

**What is bound.** The tenant, name, version and purpose of the row are associated data of both encryptions, so a
ciphertext, a data key or both opens nowhere but in the row that it was sealed for: whoever can write to the database
cannot make one tenant's secret appear as another's, an old version as a new one, or a signing key as a provider's key.
Each part goes in behind its length, so that no two rows give the same bytes; a label in front tells the two layers and
later schemes apart. A KEK is given the SHA-256 of that: 32 bytes, whatever the names, since some services take little.

**What is written down.** All numbers are big-endian.

    ciphertext   scheme (1 byte, 1) · nonce (12) · AES-256-GCM of the secret, tag last
    data key     scheme (1 byte, 1) · length (2) · KEK id · length (2) · KEK's algorithm · what the KEK returned

The id stands in the row's column `kek` as well, to count by; the two must agree. The header of a data key is compared
with the KEK that is asked, byte by byte, and is so not bound a second time.

**What is not promised.** Whoever controls the storage can put a whole row back as it was before, delete rows, or see
how long a secret is, when it was written and under which KEK. Noticing that a row went back needs a witness outside of
the storage (the audit chain names every write). A KEK that wraps with a public key (RSA in a key vault) keeps secrets
from readers, but whoever writes to the storage and has that public key can make a row of their own. Memory is not
protected from whoever may read this process.

**Rejected.** A key derived from a password or the administrator's key: guessable, and tied to what has to change for
other reasons. One data key for all: re-encrypting everything to change it, and nonces to count. XChaCha20-Poly1305: its
long nonce buys nothing where a key encrypts one message, and key management services speak AES. Binding the KEK to the
ciphertext: then changing it would touch every secret. AES-GCM's lack of key commitment does no harm here, as nobody
but us chooses a data key under a secret KEK.
"""

from collections.abc import Callable
from hashlib import sha256
from typing import Final, TypeAlias

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from msgspec import Struct

from keywright.core.errors import SecretError
from keywright.core.sealed import SealedSecret
from keywright.vault.kek import DATA_KEY_BYTES, WRAPPED_BYTES_MAX, Kek

SCHEME: Final = 1
NONCE_BYTES: Final = 12
TAG_BYTES: Final = 16
PART_BYTES_MAX: Final = 4096

Random: TypeAlias = Callable[[int], bytes]
"""`random(n)` gives `n` unpredictable bytes (`secrets.token_bytes`)."""

_SECRET: Final = b"keywright sealed secret"
_DATA_KEY: Final = b"keywright sealed data key"


class Slot(Struct, frozen=True):
    """The row that a secret belongs to, and to no other."""

    tenant: str
    name: str
    version: int
    purpose: str


class Wrapped(Struct, frozen=True):
    """A data key as a KEK returned it, and who that was."""

    kek: str
    algorithm: str
    key: bytes


def seal(secret: bytes, slot: Slot, kek: Kek, random: Random) -> SealedSecret:
    """`secret` encrypted for `slot`, with a new data key.

    Raises:
        SecretError: the KEK does not wrap.
    """
    data_key = random(DATA_KEY_BYTES)
    nonce = random(NONCE_BYTES)
    encrypted = AESGCM(data_key).encrypt(nonce, secret, bound(_SECRET, slot))
    return SealedSecret(
        tenant=slot.tenant,
        name=slot.name,
        version=slot.version,
        purpose=slot.purpose,
        kek=kek.id,
        data_key=wrap(data_key, slot, kek),
        ciphertext=bytes((SCHEME,)) + nonce + encrypted,
    )


def unseal(row: SealedSecret, slot: Slot, kek: Kek) -> bytes:
    """The secret in `row`, which is asked for as `slot`, whatever the row says of itself; `kek` is the one it names.

    Raises:
        SecretError: it was not sealed for this slot by this KEK, or is damaged; or the KEK cannot be asked.
    """
    data_key = unwrap(row.data_key, row.kek, slot, kek)
    ciphertext = row.ciphertext
    if ciphertext[:1] != bytes((SCHEME,)) or len(ciphertext) < 1 + NONCE_BYTES + TAG_BYTES:
        raise SecretError("its ciphertext is of no scheme that this version of Keywright knows, or is damaged")
    nonce, encrypted = ciphertext[1 : 1 + NONCE_BYTES], ciphertext[1 + NONCE_BYTES :]
    try:
        return AESGCM(data_key).decrypt(nonce, encrypted, bound(_SECRET, slot))
    except InvalidTag:
        raise SecretError("its ciphertext is damaged, or was sealed for another row") from None


def slot_of(row: SealedSecret) -> Slot:
    """Where `row` lies."""
    return Slot(row.tenant, row.name, row.version, row.purpose)


def wrap(data_key: bytes, slot: Slot, kek: Kek) -> bytes:
    """`data_key`, which opens what lies in `slot`, wrapped by `kek`: a `Wrapped` as bytes.

    Raises:
        SecretError: the KEK does not wrap, or returns more than `WRAPPED_BYTES_MAX`.
    """
    wrapped = kek.wrap(data_key, context_of(slot))
    if not 0 < len(wrapped) <= WRAPPED_BYTES_MAX:
        raise SecretError(f"the key {kek.id} wrapped a data key as {len(wrapped)} bytes")
    return bytes((SCHEME,)) + _short(kek.id) + _short(kek.algorithm) + wrapped


def unwrap(data_key: bytes, kek_id: str, slot: Slot, kek: Kek) -> bytes:
    """The key that `wrap` made `data_key` of. `kek_id`: whose it is said to be.

    Raises:
        SecretError: as `unseal`.
    """
    wrapped = read_wrapped(data_key)
    if not wrapped.kek == kek_id == kek.id:
        raise SecretError(f"its data key was wrapped by another key than {kek_id}")
    if wrapped.algorithm != kek.algorithm:
        raise SecretError(f"its data key was wrapped as {wrapped.algorithm}, the key {kek.id} does {kek.algorithm}")
    found = kek.unwrap(wrapped.key, context_of(slot))
    if len(found) != DATA_KEY_BYTES:
        raise SecretError(f"the key {kek.id} unwrapped a data key of {len(found)} bytes, not {DATA_KEY_BYTES}")
    return found


def read_wrapped(data_key: bytes) -> Wrapped:
    """The parts of what `wrap` returned.

    Raises:
        SecretError: it is damaged, or of a scheme that is not known.
    """
    try:
        if data_key[0] != SCHEME:
            raise SecretError("its data key is of no scheme that this version of Keywright knows, or is damaged")
        kek, rest = _split(data_key[1:])
        algorithm, key = _split(rest)
        return Wrapped(kek.decode(), algorithm.decode(), key)
    except (IndexError, UnicodeDecodeError):
        raise SecretError("its data key is damaged") from None


def context_of(slot: Slot) -> bytes:
    """What a KEK binds the data key of `slot` to: `CONTEXT_BYTES`."""
    return sha256(bound(_DATA_KEY, slot)).digest()


def bound(layer: bytes, slot: Slot) -> bytes:
    """The associated data of `slot`: other bytes for every other slot, layer or scheme."""
    version = slot.version.to_bytes(8, "big")
    parts = (layer, slot.tenant.encode(), slot.name.encode(), version, slot.purpose.encode())
    return bytes((SCHEME,)) + b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _short(text: str) -> bytes:
    part = text.encode()
    if len(part) > PART_BYTES_MAX:
        raise SecretError(f"the name of a key is longer than {PART_BYTES_MAX} bytes")
    return len(part).to_bytes(2, "big") + part


def _split(data: bytes) -> tuple[bytes, bytes]:
    """The part at the start of `data`, and what follows. Raises IndexError where it is cut off."""
    end = 2 + int.from_bytes(data[:2], "big")
    if len(data) < end:
        raise IndexError
    return data[2:end], data[end:]
