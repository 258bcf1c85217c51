"""Integers of any size in a database: amounts of picodollars outgrow 64 bits at nine million US dollars."""

from typing import Any

from sqlalchemy import Text
from sqlalchemy.types import TypeDecorator


class Exact(TypeDecorator[int]):
    """An integer, kept as its decimal digits: for columns that are read and written, and never added up in SQL."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: int | None, dialect: Any) -> str | None:
        """To the database."""
        return None if value is None else str(value)

    def process_result_value(self, value: Any | None, dialect: Any) -> int | None:
        """From the database."""
        return None if value is None else int(value)
