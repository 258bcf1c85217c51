"""What is written in docs/conformance.md and docs/conformance.json is what is true.

`make conformance` runs this with CONFORMANCE_WRITE=1, which writes both anew.
"""

import os
from pathlib import Path

import pytest

from tests.conformance.matrix.page import Matrix, document, page
from tests.conformance.matrix.run import COLUMNS, run

DOCS = Path(__file__).parents[3] / "docs"
BEGIN, END = "<!-- matrix -->\n", "<!-- end of the matrix -->\n"


@pytest.fixture(scope="module")
def matrix() -> Matrix:
    return run()


def test_the_written_matrix_is_what_is_true(matrix: Matrix) -> None:
    at, json_at = DOCS / "conformance.md", DOCS / "conformance.json"
    before, _, rest = at.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    written = before + BEGIN + page(matrix) + END + after
    if os.environ.get("CONFORMANCE_WRITE"):
        at.write_text(written, encoding="utf-8")
        json_at.write_text(document(matrix), encoding="utf-8")
    hint = "the matrix has changed: look at what has, and if it is right, run `make conformance`"
    assert at.read_text(encoding="utf-8") == written, hint
    assert json_at.read_text(encoding="utf-8") == document(matrix), hint


def test_every_cell_is_filled(matrix: Matrix) -> None:
    for rows in matrix.values():
        for cells in rows.values():
            assert tuple(cells) == COLUMNS


def test_a_dialect_can_say_to_itself_whatever_it_has_words_for(matrix: Matrix) -> None:
    for client, rows in matrix.items():
        for provider, cells in rows.items():
            if cells["text"].outcome == "exact":
                assert {cell.outcome for cell in cells.values()} <= {"exact", "no words", "with loss"}, (
                    client,
                    provider,
                )


def test_text_streams_and_usage_reach_everybody_from_everywhere(matrix: Matrix) -> None:
    for client, rows in matrix.items():
        for provider, cells in rows.items():
            for column in ("text", "stream"):
                assert cells[column].outcome in {"exact", "carried"}, (client, provider, column)
