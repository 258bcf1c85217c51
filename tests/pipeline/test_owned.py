"""Credentials of projects: who may use which, and what does not exist for whom."""

import pytest
from msgspec.structs import replace

from keywright.catalog.catalogue import Catalogue
from keywright.catalog.snapshot import bundled
from keywright.core.errors import RefusedError
from keywright.pipeline.routes import NAMES_REMEMBERED, Routes, Source
from tests.routing import source

CATALOGUE = Catalogue(bundled(), {})
OPENAI, MISTRAL = source("openai"), source("mistral")


def one(of: Source, name: str, project: str = "", *models: str, disabled: bool = False) -> Source:
    """A credential of that provider."""
    return replace(of, credential_name=f"{of.name}/{name}", project=project, models=models, disabled=disabled, weight=1)


def routes(*sources: Source, disabled: tuple[str, ...] = (), **aliases: str) -> Routes:
    return Routes(sources, {name: tuple(route.split()) for name, route in aliases.items()}, CATALOGUE, disabled)


def used(routes: Routes, name: str, project: str = "") -> list[str]:
    """The credentials that a call of that project for `name` may use."""
    return [target.source.credential_name for target in routes.of(project).find(name)]


SHARED, TEAM, OTHER = one(OPENAI, "shared"), one(OPENAI, "team", "team-a"), one(MISTRAL, "other", "team-b")


@pytest.mark.parametrize("name", ["openai/gpt-4o", "gpt-4o", "fast"])
def test_a_project_uses_its_own_and_never_the_shared(name: str) -> None:
    some = routes(SHARED, TEAM, fast="openai/gpt-4o")
    assert used(some, name, "team-a") == ["openai/team"]
    assert used(some, name, "another") == used(some, name) == ["openai/shared"]


@pytest.mark.parametrize("name", ["mistral/mistral-large-latest", "mistral-large-latest", "own"])
def test_what_only_another_projects_credential_serves_does_not_exist(name: str) -> None:
    some = routes(SHARED, OTHER, own="mistral/mistral-large-latest")
    assert used(some, name, "team-b") == ["mistral/other"]
    for project in ("", "team-a"):
        assert used(some, name, project) == []
        some.of(project).require_enabled(name)
        assert not any("mistral" in listed or listed == "own" for listed in some.of(project).names())
    assert {"own", "mistral/codestral", "openai/gpt-4o"} <= set(some.of("team-b").names())


def test_an_own_credential_for_certain_models_leaves_the_others_shared() -> None:
    some = routes(SHARED, one(OPENAI, "mini", "team-a", "*-mini"))
    assert used(some, "openai/gpt-4o-mini", "team-a") == ["openai/mini"]
    assert used(some, "openai/gpt-4o", "team-a") == ["openai/shared"]


@pytest.mark.parametrize("name", ["openai/gpt-4o", "gpt-4o", "fast"])
def test_a_disabled_own_credential_is_nobody_elses_bill(name: str) -> None:
    for some in (
        routes(SHARED, replace(TEAM, disabled=True), fast="openai/gpt-4o"),
        routes(SHARED, TEAM, fast="openai/gpt-4o", disabled=("openai/team",)),
    ):
        assert used(some, name, "team-a") == []
        assert name not in some.of("team-a").names()
        with pytest.raises(RefusedError) as caught:
            some.of("team-a").require_enabled(name)
        assert (caught.value.failure.status, caught.value.failure.code) == (503, "credential_disabled")
        assert used(some, name) == ["openai/shared"]
        assert [known.credential_name for known in some.inventory] == ["openai/shared", "openai/team"]


def test_a_disabled_credential_gets_no_call_and_comes_back() -> None:
    some = routes(one(OPENAI, "a"), one(OPENAI, "b"))
    less = some.without({"openai/a"})
    assert used(less, "openai/gpt-4o") == ["openai/b"]
    assert used(less.without(()), "openai/gpt-4o") == ["openai/a", "openai/b"]


def test_the_next_step_is_taken_where_a_steps_credentials_are_all_disabled() -> None:
    some = routes(SHARED, one(MISTRAL, "m"), fast="openai/gpt-4o mistral/mistral-large-latest").without(
        {"openai/shared"}
    )
    assert used(some, "fast") == ["mistral/m"]
    assert not any(name.startswith("openai/") for name in some.names())


def test_a_bare_name_leads_to_the_projects_own_wherever_that_is() -> None:
    elsewhere = one(replace(OPENAI, name="openai-eu"), "team", "team-a")
    some = routes(SHARED, elsewhere)
    assert used(some, "gpt-4o", "team-a") == ["openai-eu/team"]
    assert used(some, "openai/gpt-4o", "team-a") == ["openai/shared"]


def test_a_credential_serves_what_both_it_and_its_provider_may() -> None:
    narrow = replace(OPENAI, serves=("gpt-4o*",))
    some = routes(one(narrow, "mini", "", "*-mini"), one(narrow, "all"))
    assert used(some, "openai/gpt-4o-mini") == ["openai/mini", "openai/all"]
    assert used(some, "openai/gpt-4o") == ["openai/all"]
    assert used(some, "openai/o3-mini") == []


def test_a_model_that_a_credential_names_exists() -> None:
    some = routes(one(OPENAI, "tuned", "team-a", "ft:gpt-4o:acme"))
    assert used(some, "openai/ft:gpt-4o:acme", "team-a") == ["openai/tuned"]
    assert "openai/ft:gpt-4o:acme" in some.of("team-a").names()


def test_what_is_remembered_is_bounded_however_many_projects_there_are() -> None:
    some = routes(SHARED, *(one(OPENAI, f"c{number}", f"p{number}") for number in range(999)))
    some.of("p1").find("openai/gpt-4o")
    for number in range(50):
        some.of("p1").find(f"openai/none-{number}")
    assert len(some.of("p1")._found) == NAMES_REMEMBERED // 1000
