"""What is written is what is read, and what was there before can be had back, whatever store it is."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from keywright.core.errors import SecretAbsentError, SecretReadOnlyError
from keywright.core.secret import Secret
from tests.vault.conformance.place import Place, fresh_name
from tests.vault.conformance.questions import VALUE, VALUES, needs, previous, read, refusal, write
from tests.vault.conformance.test_read import EXAMPLES


def test_what_is_written_is_read_and_the_one_before_can_be_had_until_it_is_forgotten(place: Place) -> None:
    needs(place, "writes")
    name = fresh_name()
    reference = place.reference(name)
    place.put(name, f"{VALUE}-1")
    write(place, reference, f"{VALUE}-2")
    assert read(place, reference) == f"{VALUE}-2"
    assert previous(place, reference) == f"{VALUE}-1"
    place.backend.forget(reference)
    error = refusal(place, lambda: place.backend.previous(reference))
    assert isinstance(error, SecretAbsentError)
    assert str(reference) in str(error)
    place.backend.forget(reference)
    assert read(place, reference) == f"{VALUE}-2"


def test_what_is_written_twice_has_the_first_writing_before_it(place: Place) -> None:
    needs(place, "writes")
    name = fresh_name()
    reference = place.reference(name)
    place.put(name, f"{VALUE}-1")
    write(place, reference, f"{VALUE}-2")
    write(place, reference, f"{VALUE}-3")
    assert read(place, reference) == f"{VALUE}-3"
    assert previous(place, reference) == f"{VALUE}-2"


def test_a_write_that_is_repeated_as_after_a_crash_makes_no_version_and_keeps_the_value_before_it(place: Place) -> None:
    needs(place, "writes")
    name = fresh_name()
    reference = place.reference(name)
    place.put(name, f"{VALUE}-1")
    versions = {write(place, reference, f"{VALUE}-2") for _ in range(3)}
    assert versions == {place.backend.read(reference).version}
    assert read(place, reference) == f"{VALUE}-2"
    assert previous(place, reference) == f"{VALUE}-1"


def test_a_place_that_was_empty_is_made_and_has_nothing_before(place: Place) -> None:
    needs(place, "writes")
    reference = place.reference(fresh_name())
    write(place, reference, VALUE)
    assert read(place, reference) == VALUE
    assert isinstance(refusal(place, lambda: place.backend.previous(reference)), SecretAbsentError)


def test_a_place_that_is_empty_has_nothing_before_and_nothing_to_forget(place: Place) -> None:
    needs(place, "writes")
    reference = place.reference(fresh_name())
    assert isinstance(refusal(place, lambda: place.backend.previous(reference)), SecretAbsentError)
    place.backend.forget(reference)


def test_the_other_fields_stay(place: Place) -> None:
    needs(place, "writes")
    needs(place, "fields")
    name = fresh_name()
    reference, other = place.reference(name), place.reference(name, "other")
    place.put(name, f"{VALUE}-1")
    place.put(name, f"{VALUE}-2", "other")
    write(place, reference, f"{VALUE}-3")
    assert read(place, reference) == f"{VALUE}-3"
    assert read(place, other) == f"{VALUE}-2"
    write(place, place.reference(name, "new"), f"{VALUE}-4")
    assert read(place, reference) == f"{VALUE}-3"
    assert read(place, place.reference(name, "new")) == f"{VALUE}-4"


def test_writers_of_two_fields_at_one_time_lose_neither(place: Place) -> None:
    """Within one process, where the store has no write that depends on what was read (`vault_v1`)."""
    needs(place, "writes")
    needs(place, "fields")
    name, fields = fresh_name(), ("key", "other")
    with ThreadPoolExecutor(len(fields)) as threads:
        for number in (1, 2):
            values = {place.reference(name, field): f"{VALUE}-{field}-{number}" for field in fields}
            list(
                threads.map(lambda reference, value: write(place, reference, value), *zip(*values.items(), strict=True))
            )
            assert {reference: read(place, reference) for reference in values} == values


def test_a_write_tells_the_version_that_it_made(place: Place) -> None:
    needs(place, "writes")
    reference = place.reference(fresh_name())
    version = write(place, reference, f"{VALUE}-1")
    assert version == place.backend.read(reference).version
    assert bool(version) == ("versions" in place.abilities)
    if version:
        write(place, reference, f"{VALUE}-2")
        first = replace(reference, version=version)
        assert read(place, first) == f"{VALUE}-1"
        if place.backend.read_only(first):  # where versions may stand in references
            error = refusal(place, lambda: place.backend.write(first, Secret(f"{VALUE}-3")))
            assert isinstance(error, SecretReadOnlyError)
            assert str(error) == place.backend.read_only(first)


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
def test_any_value_that_is_written_is_read_as_it_was(place: Place, value: str) -> None:
    needs(place, "writes")
    reference = place.reference(fresh_name())
    write(place, reference, value)
    assert read(place, reference) == value


def test_a_store_that_cannot_be_written_says_so_and_what_to_do(place: Place) -> None:
    if "writes" in place.abilities:
        pytest.skip("this kind of store can be written")
    name = fresh_name()
    reference = place.reference(name)
    place.put(name, VALUE)
    error = refusal(place, lambda: place.backend.write(reference, Secret(f"{VALUE}-2")))
    assert isinstance(error, SecretReadOnlyError)
    assert str(reference) in str(error)
    assert "keywright secret migrate" in str(error)
    assert str(error) == place.backend.read_only(reference)
    assert read(place, reference) == VALUE
    assert isinstance(refusal(place, lambda: place.backend.previous(reference)), SecretAbsentError)
    place.backend.forget(reference)
