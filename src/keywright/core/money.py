"""Money: exact integers of picodollars (10⁻¹² USD). Decimal strings outside, never floats."""

from decimal import Decimal, InvalidOperation
from typing import Final, NewType

Picodollars = NewType("Picodollars", int)
"""10⁻¹² USD. One US dollar is `PICODOLLARS_PER_USD`."""

PICODOLLARS_PER_USD: Final = 10**12


def from_usd(text: str) -> Picodollars:
    """An amount from a decimal string of US dollars, `"0.0012"`.

    Raises:
        ValueError: not a plain finite decimal, negative, or finer than a picodollar.
    """
    try:
        amount = Decimal(text)
    except InvalidOperation:
        raise ValueError(f"{text!r} is not a decimal amount of US dollars") from None
    if not amount.is_finite() or amount < 0:
        raise ValueError(f"{text!r} is not a non-negative amount of US dollars")
    picodollars = amount * PICODOLLARS_PER_USD
    if picodollars != picodollars.to_integral_value():
        raise ValueError(f"{text!r} is finer than a picodollar (10^-12 USD)")
    return Picodollars(int(picodollars))


def to_usd(amount: int) -> str:
    """`amount` picodollars as a decimal string of US dollars, at least two decimals, no trailing noise."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), PICODOLLARS_PER_USD)
    decimals = f"{rest:012d}".rstrip("0")
    return f"{sign}{whole}.{decimals:0<2}"
