"""The data file is what the installed genai-prices says, and is read in no time."""

import time

import msgspec
import pytest
from tools.catalogue import SOURCE, build

from keywright.catalog import importer
from keywright.catalog.catalogue import Catalogue
from keywright.catalog.snapshot import DATA_FILE, ModelRow, Row, Section, Snapshot, bundled, decode, encode
from tests.conftest import shared_dir

LOAD_S_MAX = 0.030


def test_the_file_is_what_the_installed_source_builds(snapshot: Snapshot) -> None:
    assert snapshot.source == SOURCE
    assert build(snapshot.as_of) == DATA_FILE.read_bytes(), "run `make catalogue`"


def test_reading_and_indexing_take_less_than_30_ms() -> None:
    def once() -> float:
        start = time.perf_counter()
        Catalogue(bundled())
        return time.perf_counter() - start

    assert min(once() for _ in range(5)) < LOAD_S_MAX


def test_a_model_is_one_line(snapshot: Snapshot) -> None:
    lines = DATA_FILE.read_bytes().splitlines()
    models = sum(len(section.models) for section in snapshot.catalogues)
    assert sum(line.startswith(b'{"id":') for line in lines) == models + len(snapshot.catalogues)


def test_catalogues_and_models_are_sorted(snapshot: Snapshot) -> None:
    ids = [section.id for section in snapshot.catalogues]
    assert ids == sorted(ids)
    for section in snapshot.catalogues:
        models = [model.id for model in section.models]
        assert models == sorted(models), section.id


def test_what_is_written_reads_back_as_it_was(snapshot: Snapshot) -> None:
    assert decode(encode(snapshot)) == snapshot


def test_the_published_json_of_genai_prices_is_read_as_well() -> None:
    data = (shared_dir("specs") / "prices" / "genai-prices.v2.data.json").read_bytes()
    taken = importer.snapshot(importer.decode(data), "genai-prices v2", "2026-08-14")
    model = Catalogue(taken).find("deepseek", "deepseek-chat")
    assert model is not None
    assert len(model.prices) == 2


@pytest.mark.parametrize("ids", [("a", "a"), ("a", "A")])
def test_a_model_that_occurs_twice_is_refused(ids: tuple[str, str]) -> None:
    section = Section(id="v", title="V", models=tuple(ModelRow(id=name) for name in ids))
    with pytest.raises(ValueError, match="twice"):
        Catalogue(Snapshot(as_of="2026-01-01", source="s", catalogues=(section,)))


def test_a_catalogue_that_occurs_twice_is_refused() -> None:
    section = Section(id="v", title="V", models=())
    with pytest.raises(ValueError, match="v twice"):
        Catalogue(Snapshot(as_of="2026-01-01", source="s", catalogues=(section, section)))


def imported(*models: dict[str, object]) -> tuple[ModelRow, ...]:
    data = msgspec.json.encode([{"id": "v", "name": "V", "models": models}])
    return importer.snapshot(importer.decode(data), "s", "2026-01-01").catalogues[0].models


def test_hours_are_kept_in_utc() -> None:
    constraint = {"start_time": "23:30:00+01:00", "end_time": "08:00:00+01:00"}
    (row,) = imported(
        {"id": "a", "match": {"equals": "a"}, "prices": [{"constraint": constraint, "prices": {"input_mtok": 1}}]}
    )
    assert row.prices == (Row(input="1", between=("22:30", "07:00")),)


def test_no_price_means_free_only_where_the_name_says_so() -> None:
    free, unknown = imported(
        {"id": "a:free", "match": {"equals": "a:free"}, "prices": {}},
        {"id": "b", "match": {"equals": "b"}, "prices": {}},
    )
    assert free.prices == (Row(input="0", output="0", search="0"),)
    assert unknown.prices == (Row(),)


def test_groups_of_clauses_are_kept_together() -> None:
    clause = {"or": [{"and": [{"starts_with": "A"}, {"or": [{"ends_with": "B"}, {"equals": "ac"}]}]}, {"equals": "Z"}]}
    (row,) = imported({"id": "m", "match": clause, "prices": {}})
    taken = Snapshot(as_of="d", source="s", catalogues=(Section(id="v", title="V", models=(row,)),))
    catalogue = Catalogue(taken)
    assert [name for name in ("a", "ab", "ac", "ad", "b", "z", "M") if catalogue.find("v", name)] == [
        "ab",
        "ac",
        "z",
        "M",
    ]
