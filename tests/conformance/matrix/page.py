"""The matrix as a page to read and as a document to compare."""

import json

from tests.conformance.matrix.run import COLUMNS, MODELS, Cell

SIGNS = {"exact": "=", "carried": "✓", "with loss": "◐", "refused": "✗", "no words": "·"}

Matrix = dict[str, dict[str, dict[str, Cell]]]


def document(matrix: Matrix) -> str:
    """The matrix as JSON: client → list of rows, each of the providers that are alike, with their cells."""
    clients = {
        client: [
            {
                "providers": names,
                "cells": {
                    column: {"outcome": cell.outcome, **({"losses": list(cell.losses)} if cell.losses else {})}
                    for column, cell in cells.items()
                },
            }
            for names, cells in _alike(rows)
        ]
        for client, rows in matrix.items()
    }
    return json.dumps({"models": MODELS, "clients": clients}, indent=1, ensure_ascii=False) + "\n"


def page(matrix: Matrix) -> str:
    """The matrix as Markdown."""
    lines = []
    for client, rows in matrix.items():
        lines += [f"### Clients that speak `{client}`", "", f"| provider | {' | '.join(COLUMNS)} |"]
        lines.append("|---" * (len(COLUMNS) + 1) + "|")
        notes: dict[str, int] = {}
        for names, cells in _alike(rows):
            shown = (_shown(cells[column], notes) for column in COLUMNS)
            lines.append(f"| {', '.join(names)} | {' | '.join(shown)} |")
        lines += ["", *(f"{number}. {text}" for text, number in notes.items()), ""]
    return "\n".join(lines)


def _alike(rows: dict[str, dict[str, Cell]]) -> list[tuple[list[str], dict[str, Cell]]]:
    """The rows, with the providers that have the same cells together."""
    groups: list[tuple[list[str], dict[str, Cell]]] = []
    for provider, cells in rows.items():
        group = next((names for names, known in groups if known == cells), None)
        if group is None:
            groups.append(([provider], cells))
        else:
            group.append(provider)
    return groups


def _shown(cell: Cell, notes: dict[str, int]) -> str:
    numbers = [notes.setdefault(loss, len(notes) + 1) for loss in cell.losses]
    return SIGNS[cell.outcome] + (f" {','.join(map(str, numbers))}" if numbers else "")
