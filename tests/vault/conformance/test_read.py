"""What is in the store is what is read, whatever store it is."""

from concurrent.futures import ThreadPoolExecutor
from typing import Final

from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from keywright.core.errors import SecretAbsentError, SecretReadOnlyError
from tests.vault.conformance.place import Place, fresh_name
from tests.vault.conformance.questions import VALUE, VALUES, needs, read, refusal

THREADS: Final = 8
EXAMPLES: Final = 5


def test_what_is_put_is_read_and_what_replaces_it_is_seen_at_the_next_read(place: Place) -> None:
    name = fresh_name()
    for value in (f"{VALUE}-1", f"{VALUE}-2"):
        place.put(name, value)
        assert read(place, place.reference(name)) == value


def test_a_secret_that_is_not_there_is_absent_by_its_reference(place: Place) -> None:
    reference = place.reference(fresh_name())
    error = refusal(place, lambda: place.backend.read(reference))
    assert isinstance(error, SecretAbsentError)
    assert str(reference) in str(error)


def test_a_secret_that_is_removed_is_absent(place: Place) -> None:
    name = fresh_name()
    reference = place.reference(name)
    place.put(name, VALUE)
    assert read(place, reference) == VALUE
    place.remove(name)
    error = refusal(place, lambda: place.backend.read(reference))
    assert isinstance(error, SecretAbsentError)
    assert str(reference) in str(error)


def test_each_field_of_a_secret_is_read_and_one_that_it_has_not_is_absent(place: Place) -> None:
    needs(place, "fields")
    name = fresh_name()
    place.put(name, f"{VALUE}-1")
    place.put(name, f"{VALUE}-2", "other")
    assert read(place, place.reference(name)) == f"{VALUE}-1"
    assert read(place, place.reference(name, "other")) == f"{VALUE}-2"
    lacking = place.reference(name, "lacking")
    error = refusal(place, lambda: place.backend.read(lacking))
    assert isinstance(error, SecretAbsentError)
    assert str(lacking) in str(error)


def test_each_version_of_a_secret_is_read_and_one_that_it_has_not_is_absent(place: Place) -> None:
    needs(place, "versions")
    name = fresh_name()
    reference = place.reference(name)
    place.put(name, f"{VALUE}-1")
    first = place.backend.read(reference).version
    place.put(name, f"{VALUE}-2")
    second = place.backend.read(reference).version
    assert first not in ("", second)
    assert read(place, replace(reference, version=first)) == f"{VALUE}-1"
    assert read(place, replace(reference, version=second)) == f"{VALUE}-2"
    lacking = replace(reference, version=place.version_absent)
    error = refusal(place, lambda: place.backend.read(lacking))
    assert isinstance(error, SecretAbsentError)
    assert str(lacking) in str(error)


def test_threads_that_read_at_once_each_get_what_they_asked_for(place: Place) -> None:
    values = {}
    for name in (fresh_name(), fresh_name()):
        values[place.reference(name)] = f"{VALUE}-{name}"
        place.put(name, f"{VALUE}-{name}")
    asked = [*values] * THREADS
    with ThreadPoolExecutor(THREADS) as threads:
        found = list(threads.map(lambda reference: read(place, reference), asked))
    assert found == [values[reference] for reference in asked]


@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=VALUES)
def test_any_value_that_is_put_is_read_as_it_was(place: Place, value: str) -> None:
    name = fresh_name()
    place.put(name, value)
    assert read(place, place.reference(name)) == value


def test_the_names_are_those_of_what_is_there(place: Place) -> None:
    if "lists" not in place.abilities:
        assert isinstance(refusal(place, place.backend.names), SecretReadOnlyError)
        return
    kept, removed = fresh_name(), fresh_name()
    for name in (kept, removed):
        place.put(name, VALUE)
    place.remove(removed)
    names = [reference.name for reference in place.backend.names()]
    assert place.reference(kept).name in names
    assert place.reference(removed).name not in names
    assert names == sorted(names)
