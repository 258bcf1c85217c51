"""`keywright prices rerate`: recorded costs, corrected by another price list, and back again."""

import typer


def add_to(app: typer.Typer) -> None:
    """The command, as part of the group `prices`."""
