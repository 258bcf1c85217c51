"""Secrets that move from one store to another: what of a configuration can, and where to; then one copy at a time.

Nothing is taken away where a secret is now, and nothing else is put in a place of the store that has another secret
already. A copy counts when it was read back and is the same, so a run that was ended, however hard, is simply begun
again: what is there is there, and what is not is copied.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from keywright.config.changes import Change, Wanted, changes
from keywright.config.document import Path as Setting
from keywright.config.faults import nearest
from keywright.core.errors import SecretAbsentError, SecretError, SecretReadOnlyError
from keywright.core.secret import Secret
from keywright.house.blueprint import DOTENV
from keywright.house.secrets.destination import place_of, read_destination
from keywright.house.secrets.named import HERE, Form, NamedSecret
from keywright.vault.reference import LOCAL, Reference, Stores, is_reference, parse
from keywright.vault.settings import StoreSettings
from keywright.vault.vault import Vault

MoveState: TypeAlias = Literal["to copy", "there", "differs", "copied"]

KEK: Final = "the key that encrypts keys is never copied; change it by `keywright secret rewrap`"
HANDED: Final = "whoever runs this machine keeps it fresh, where it is"
NEAR: Final = "what opens a store is kept on this machine: env:, dotenv:, file: or keyring:"


class Move(Struct, frozen=True, kw_only=True, rename={"source": "from", "target": "to"}):
    """A secret that is at `source` and is to be at `target` as well. `settings`: the places in the configuration that
    name it. `fingerprint`: "" until it was looked at.
    """

    source: str
    target: str
    used_for: tuple[str, ...]
    settings: tuple[Setting, ...] = ()
    form: Form = "key"
    state: MoveState = "to copy"
    fingerprint: str = ""


class Stay(Struct, frozen=True):
    """A secret that is not moved, and why."""

    reference: str
    used_for: str
    why: str


class Migration(Struct, frozen=True):
    """What moves, by what the configuration names, and what stays."""

    moves: tuple[Move, ...]
    stays: tuple[Stay, ...]


class Surroundings(Struct, frozen=True):
    """Which stores there are, what the configuration says of them, and the folder at which its paths start."""

    stores: Stores
    settings: Mapping[str, StoreSettings]
    base: Path


def planned(named: Sequence[NamedSecret], source: str, target: str, around: Surroundings) -> Migration:
    """The migration of all of `named` that is in the store `source` to the prefix `target`. Asks no store.

    Raises:
        SecretError: a line for each reason why nothing can be copied so.
    """
    stores = around.stores
    source = source.rstrip(":/")
    if source not in stores:
        raise SecretError(f"there is no store of the name that --from gives; {nearest(source, stores)}")
    destination = read_destination(target, stores)
    uses: dict[str, list[NamedSecret]] = {}
    stays: list[Stay] = []
    for one in named:
        if (one.reference.partition(":")[0] if one.form == "kek" else _at(one.reference, stores)) != source:
            continue
        why = _reason_to_stay(one, is_near=destination.kind in LOCAL)
        if why:
            stays.append(Stay(one.reference, one.used_for, why))
        else:
            uses.setdefault(one.reference, []).append(one)
    moves = [_move(reference, of, place_of(destination, of[0].label, stores)) for reference, of in uses.items()]
    if not moves:
        told = "".join(f"\n{stay.reference} stays ({stay.used_for}): {stay.why}" for stay in stays)
        raise SecretError(f"the configuration names no secret in {source} that can be copied there{told}")
    faults = [*_collisions(moves), *_standstills(moves, around)]
    if faults:
        raise SecretError("\n".join(faults))
    return Migration(tuple(moves), tuple(stays))


def looked_at(vault: Vault, move: Move) -> Move:
    """`move` with its state and its secret's fingerprint, by what both stores have now. May block.

    Raises:
        SecretError: one of them cannot be read, or the other not be written.
    """
    secret, there = _secret(vault, move), _there(vault, move)
    if there is None and (why := vault.read_only(move.target)):
        raise SecretReadOnlyError(why)
    state: MoveState = "to copy" if there is None else "there" if there == secret else "differs"
    return replace(move, state=state, fingerprint=secret.fingerprint)


def copied(vault: Vault, move: Move) -> Move:
    """`move`, done, if it was not already, and read back. May block.

    Raises:
        SecretError: it is not there, or another is.
    """
    now = looked_at(vault, move)
    if now.state == "there":
        return now
    if now.state == "differs":
        raise SecretError(difference(now))
    place = parse(now.target, vault.stores)
    secret = _secret(vault, now)
    vault.backend(place).write(place, secret)
    if _there(vault, now) != secret:
        raise SecretError(f"{now.target} was written, but gives something else when it is read: {now.source} counts")
    return replace(now, state="copied", fingerprint=secret.fingerprint)


def difference(move: Move) -> str:
    """What is said of a place that has another secret."""
    return (
        f"{move.target} has another secret already than {move.source}: nothing was written there. Choose another "
        "--to, or write it yourself (`keywright secret put`) if the one that is there may go"
    )


def config_changes(text: str, name: str, migration: Migration) -> tuple[Change, ...]:
    """The lines of the configuration `text` that change for the copies to be used. `name`: what the file is called.

    Raises:
        ConfigError: it is not read any more.
    """
    wanted = [Wanted(setting, move.source, move.target) for move in migration.moves for setting in move.settings]
    return changes(text, name, wanted)


def unneeded(migration: Migration) -> tuple[str, ...]:
    """What nothing uses where it is now, once the configuration names the copies."""
    kept = {stay.reference for stay in migration.stays}
    return tuple(move.source for move in migration.moves if move.source not in kept)


def _at(reference: str, stores: Stores) -> str:
    return parse(reference, stores).at if is_reference(reference, stores) else ""


def _reason_to_stay(one: NamedSecret, *, is_near: bool) -> str:
    if one.form == "kek":
        return KEK
    if one.form == "handed" or not one.label:
        return HANDED
    return NEAR if one.role in HERE and not is_near else ""


def _move(reference: str, uses: Sequence[NamedSecret], target: Reference) -> Move:
    form: Form = "document" if any(use.form == "document" for use in uses) else "key"
    return Move(
        source=reference,
        target=str(target),
        used_for=tuple(use.used_for for use in uses),
        settings=tuple(use.setting for use in uses),
        form=form,
    )


def _collisions(moves: Iterable[Move]) -> Iterable[str]:
    first: dict[str, str] = {}
    for move in moves:
        other = first.setdefault(move.target, move.source)
        if other != move.source:
            yield f"{other} and {move.source} would both be {move.target}: copy one by `keywright secret put`"


def _standstills(moves: Iterable[Move], around: Surroundings) -> Iterable[str]:
    for move in moves:
        if _is_same(parse(move.source, around.stores), parse(move.target, around.stores), around):
            yield f"{move.source} and {move.target} are one place"


def _is_same(one: Reference, other: Reference, around: Surroundings) -> bool:
    """Whether both are one place, also by two names of one store, or over a link."""
    if one.kind != other.kind:
        return False
    if one.kind == "file":
        return Path(one.name).resolve() == Path(other.name).resolve()
    if one.kind == "sealed":  # each has rows of its own
        return (one.name, one.at) == (other.name, other.at)
    return (one.name, one.field) == (other.name, other.field) and _store(one, around) == _store(other, around)


def _store(reference: Reference, around: Surroundings) -> tuple[StoreSettings, Path]:
    """What tells a store from others of its kind."""
    given, usual = around.settings.get(reference.at, StoreSettings()), StoreSettings()
    plain = replace(given, kind="", ttl_s=None, keep_s=usual.keep_s, timeout_s=usual.timeout_s, path=None)
    return plain, (around.base / (given.path or DOTENV)).resolve()


def _secret(vault: Vault, move: Move) -> Secret:
    return (vault.document if move.form == "document" else vault.resolve)(move.source)


def _there(vault: Vault, move: Move) -> Secret | None:
    place = parse(move.target, vault.stores)
    try:
        return vault.backend(place).read(place).secret
    except SecretAbsentError:
        return None
