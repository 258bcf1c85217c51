"""What is in the store is what is read, whatever store it is."""

from typing import Final

import pytest

from keywright.vault.reference import Reference
from tests.vault.conformance.place import Ability, Place, fresh_name

THREADS: Final = 8


def read(place: Place, reference: Reference) -> str:
    return place.backend.read(reference).secret.reveal()


def needs(place: Place, ability: Ability) -> None:
    if ability not in place.abilities:
        pytest.skip(f"this kind of store has no {ability}")


def test_what_is_put_is_read_and_what_replaces_it_is_seen_at_the_next_read(place: Place) -> None:
    name = fresh_name()
    for value in ("sk-first", "sk-second"):
        place.put(name, value)
        assert read(place, place.reference(name)) == value
