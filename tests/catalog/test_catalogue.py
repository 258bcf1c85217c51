"""Finding models, their prices at a moment, and near names, whatever clients send."""

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keywright.catalog.catalogue import (
    NAME_CHARS_MAX,
    NAMES_CACHED_MAX,
    NEAREST_MAX,
    NEAREST_OF_MAX,
    Catalogue,
    nearest,
    price_at,
)
from keywright.catalog.price import FREE
from keywright.catalog.quote import own_price
from keywright.catalog.snapshot import Match, ModelRow, Row, Section, Snapshot
from keywright.providers import PROVIDERS

NOW_S = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp())


def moment(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp())


def made(*sections: Section) -> Catalogue:
    return Catalogue(Snapshot(as_of="2026-01-01", source="test", catalogues=sections))


def one(*prices: Row) -> Catalogue:
    return made(Section(id="v", title="V", models=(ModelRow(id="m", prices=prices),)))


def input_at(catalogue: Catalogue, when: str) -> int | None:
    model = catalogue.find("v", "m")
    assert model is not None
    price = price_at(model, moment(when))
    return None if price is None else price.rates.input


def test_a_dated_name_means_its_model(catalogue: Catalogue) -> None:
    model = catalogue.find("anthropic", "claude-haiku-4-5-20251001")
    assert model is not None
    assert (model.id, model.catalogue, model.context_tokens_max) == ("claude-haiku-4-5", "anthropic", 200_000)


def test_a_vendor_that_offers_anothers_models_has_the_others_prices(catalogue: Catalogue) -> None:
    model = catalogue.find("azure", "gpt-5-mini")
    assert model is not None
    assert model.catalogue == "openai"


@pytest.mark.parametrize(("vendor", "name"), [("nobody", "gpt-5"), ("openai", "gpt-nope"), ("openai", ""), ("", "")])
def test_what_nobody_knows_is_none(catalogue: Catalogue, vendor: str, name: str) -> None:
    assert catalogue.find(vendor, name) is None


def test_an_exact_id_goes_before_the_clauses_of_earlier_models() -> None:
    greedy = ModelRow(id="a", match=Match(starts_with=("a",)))
    catalogue = made(Section(id="v", title="V", models=(greedy, ModelRow(id="ab", match=Match(equals=("abc",))))))
    assert [model and model.id for name in ("ab", "abc", "abd") for model in [catalogue.find("v", name)]] == [
        "ab",
        "a",
        "a",
    ]


def test_of_two_models_that_match_a_name_the_earlier_is_meant() -> None:
    equal = ModelRow(id="a", match=Match(equals=("xyz",)))
    prefix = ModelRow(id="b", match=Match(starts_with=("x",)))
    for models, expected in (((equal, prefix), "a"), ((prefix, equal), "b")):
        model = made(Section(id="v", title="V", models=models)).find("v", "xyz")
        assert model is not None
        assert model.id == expected


def test_every_provider_that_names_a_catalogue_has_it(catalogue: Catalogue) -> None:
    named = {provider.catalogue for provider in PROVIDERS if provider.catalogue is not None}
    assert len(named) > 5
    assert named <= set(catalogue.catalogues())


def test_a_price_counts_from_its_day_on_in_utc() -> None:
    catalogue = one(Row(input="1"), Row(input="2", starts="2026-09-01"))
    assert input_at(catalogue, "2026-08-31T23:59:59+00:00") == 1_000_000
    assert input_at(catalogue, "2026-09-01T00:00:00+00:00") == 2_000_000
    assert input_at(catalogue, "2026-08-31T22:00:00-03:00") == 2_000_000


def test_hours_end_exclusively_and_may_span_midnight() -> None:
    catalogue = one(Row(input="1"), Row(input="2", between=("16:30", "00:30")))
    assert [input_at(catalogue, f"2026-08-31T{clock}+00:00") for clock in ("16:29:59", "16:30:00")] == [
        10**6,
        2 * 10**6,
    ]
    assert [input_at(catalogue, f"2026-08-31T{clock}+00:00") for clock in ("00:29:59", "00:30:00")] == [
        2 * 10**6,
        10**6,
    ]


def test_the_last_price_that_counts_wins_and_the_first_stands_when_none_does() -> None:
    catalogue = one(Row(input="1", starts="2026-05-01"), Row(input="2", starts="2026-06-01"), Row(starts="2026-07-01"))
    assert [input_at(catalogue, f"2026-{month:02}-15T00:00+00:00") for month in (4, 5, 6, 7)] == [
        1_000_000,
        1_000_000,
        2_000_000,
        None,
    ]


def test_a_model_without_any_price_has_none() -> None:
    assert input_at(one(), "2026-01-01T00:00+00:00") is None


def test_each_price_row_has_an_id_of_its_own(snapshot: Snapshot, catalogue: Catalogue) -> None:
    ids = [
        dated.price.id
        for name in catalogue.catalogues()
        for model in catalogue.models(name)
        for dated in model.prices
        if dated.price is not None
    ]
    assert len(ids) == len(set(ids))
    assert f"openai/o3@{snapshot.as_of}#1" in ids


def test_the_operators_price_wins_over_free_and_free_over_the_catalogue(snapshot: Snapshot) -> None:
    own = own_price("openai/gpt-5-mini", {"input": "7", "output": "8"})
    catalogue = Catalogue(snapshot, {"openai/gpt-5-mini": own})
    model = catalogue.find("openai", "gpt-5-mini")
    assert model is not None
    assert catalogue.price("openai/gpt-5-mini", model, NOW_S, free=True) is own
    assert catalogue.price("edge/gpt-5-mini", model, NOW_S, free=True) is FREE
    assert catalogue.price("edge/gpt-5-mini", model, NOW_S) == price_at(model, NOW_S)
    assert catalogue.price("edge/mine", None, NOW_S) is None


@pytest.mark.parametrize(
    ("name", "maker"),
    [
        ("gpt-5-mini", "openai"),
        ("o3", "openai"),
        ("claude-haiku-4-5", "anthropic"),
        ("claude-opus-4-5-20251101", "anthropic"),
        ("grok-4", "x-ai"),
        ("deepseek-chat", "deepseek"),
    ],
)
def test_a_bare_name_is_first_its_makers(catalogue: Catalogue, name: str, maker: str) -> None:
    assert catalogue.bare(name)[0][0] == maker


def test_a_bare_name_that_is_misspelt_is_nobodys(catalogue: Catalogue) -> None:
    assert catalogue.bare("claude-sonet-4-5") == ()
    assert catalogue.bare("gpt-5-minii") == ()


def test_a_name_with_a_vendor_in_it_is_known_where_it_is_spelt_so(catalogue: Catalogue) -> None:
    assert "openrouter" in [vendor for vendor, _ in catalogue.bare("deepseek/deepseek-chat")]


def test_listing_names_every_model_once(snapshot: Snapshot, catalogue: Catalogue) -> None:
    for section in snapshot.catalogues:
        assert [model.id for model in catalogue.models(section.id)] == [model.id for model in section.models]
    assert catalogue.models("nobody") == ()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=NAME_CHARS_MAX + 50))
def test_any_name_is_answered(catalogue: Catalogue, name: str) -> None:
    for vendor in ("openai", "azure", "google"):
        model = catalogue.find(vendor, name)
        assert model is catalogue.find(vendor, name)
    catalogue.bare(name)
    catalogue.abilities(name)


def test_hostile_names_do_not_fill_the_memory(snapshot: Snapshot) -> None:
    catalogue = Catalogue(snapshot)
    honest = catalogue.find("anthropic", "claude-haiku-4-5")
    for number in range(NAMES_CACHED_MAX + 500):
        catalogue.find("anthropic", f"claude-haiku-4-5-{number}")
        catalogue.abilities(f"İ-{number}")
    for memory in (catalogue._found, catalogue._abilities):
        assert len(memory) <= NAMES_CACHED_MAX
    assert catalogue.find("anthropic", "claude-haiku-4-5") == honest


def test_a_name_that_is_too_long_is_unknown_and_not_remembered(snapshot: Snapshot) -> None:
    catalogue = Catalogue(snapshot)
    long = "claude-haiku-4-5" + "-" * NAME_CHARS_MAX
    assert catalogue.find("anthropic", long) is None
    assert catalogue.bare(long) == ()
    assert catalogue.abilities(long) == catalogue.abilities(long[:NAME_CHARS_MAX])
    assert long not in {*catalogue._bare, *catalogue._abilities, *(name for _, name in catalogue._found)}


def test_the_nearest_names_are_the_likely_ones_best_first(catalogue: Catalogue) -> None:
    names = [model.id for vendor in ("openai", "anthropic") for model in catalogue.models(vendor)]
    assert nearest("claude-sonet-4-5", names)[0] == "claude-sonnet-4-5"
    assert nearest("GPT-5-minni", names)[0] == "gpt-5-mini"
    assert nearest("zzzzzz", names) == ()
    assert nearest("", names) == ()


@given(st.text(max_size=100), st.lists(st.text(max_size=100), max_size=100))
def test_at_most_three_names_are_near_each_once_and_all_were_offered(name: str, names: list[str]) -> None:
    near = nearest(name, names)
    assert len(near) == len(set(near)) <= NEAREST_MAX
    assert set(near) <= set(names)


def test_looking_for_near_names_is_bounded_for_any_name_and_any_number_of_names() -> None:
    names = [f"model-{number}-" + "x" * 100 for number in range(NEAREST_OF_MAX)]
    assert nearest("\U0001f600" * 100_000, (name for name in [*names, "never compared"])) == ()
    assert nearest("never compared", [*names, "never compared"]) == ()
