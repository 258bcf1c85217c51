"""Charts of money in a terminal: bars by the day, stacked by what they are made of, and how a budget burns down.

Pure: figures in, lines of text out. Each group has a sign of its own besides its colour, so a chart says the same
where there are no colours. Where the output is no terminal, `is_plain` keeps to ASCII.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from itertools import pairwise
from typing import Final

from msgspec import Struct
from rich.text import Text

from keywright.cli.screen import printable
from keywright.core.money import to_usd

GROUPS_MAX: Final = 7
"""That are told apart; all others are one."""
OTHERS: Final = "others"
BAR_CHARACTERS: Final = 50
LABEL_CHARACTERS_MAX: Final = 40
COLOURS: Final = ("cyan", "magenta", "yellow", "green", "blue", "red", "bright_black", "white")
SIGNS: Final = "█▓▒░▚▞▤·"
PLAIN_SIGNS: Final = "#=+-*%o."
STEPS: Final = "▁▂▃▄▅▆▇█"
PLAIN_STEPS: Final = "_.-=+*%#"
NOTHING: Final = " "
PICODOLLARS_PER_CENT: Final = 10**10

Amounts = Mapping[str, Mapping[str, int]]
"""Picodollars by bar (a day), then by group (a model)."""


class Burn(Struct, frozen=True):
    """A budget and what was spent of it, one point after the other, in picodollars. Times are Unix seconds.

    `used_up_s`: when nothing will be left if it goes on so; None: not in this period.
    """

    name: str
    cap: int
    spent: tuple[int, ...]
    used_up_s: int | None = None
    end_s: int | None = None


def bars(amounts: Amounts, *, is_plain: bool, characters: int = BAR_CHARACTERS) -> list[Text]:
    """A bar for each entry of `amounts`, in their order: its label, its parts, its sum; below them what the signs mean.

    The longest bar has `characters`. What is too little for one character is not seen in the bar, but is in the sum.
    """
    groups = _groups(amounts)
    if not groups:
        return []
    signs = PLAIN_SIGNS if is_plain else SIGNS
    sums = {label: sum(parts.values()) for label, parts in amounts.items()}
    largest = max(*sums.values(), 1)
    width = min(max(map(len, amounts)), LABEL_CHARACTERS_MAX)
    figures = {label: short_usd(total) for label, total in sums.items()}
    figures_width = max(map(len, figures.values()))
    lines = []
    for label, parts in amounts.items():
        line = Text(f"{_cut(label, width):<{width}}  {figures[label]:>{figures_width}}  ")
        for place, length in enumerate(_lengths(_folded(parts, groups), largest, characters)):
            line.append(signs[place] * length, style="" if is_plain else COLOURS[place])
        lines.append(line)
    if groups != [""]:
        lines += [Text(), _legend(groups, signs, is_plain=is_plain)]
    return lines


def burn_down(burn: Burn, *, is_plain: bool, characters: int = BAR_CHARACTERS) -> list[Text]:
    """What was left of a budget over time as a line of steps, how much that is now, and when it will be used up."""
    left = [burn.cap]
    for spent in burn.spent:
        left.append(left[-1] - spent)
    head = Text(f"{burn.name}: {short_usd(left[-1])} left of {short_usd(burn.cap)}")
    if burn.cap > 0:
        head.append(f" ({max(left[-1], 0) * 100 // burn.cap} %)")
    return [head, Text(sparkline(left, is_plain=is_plain, characters=characters)), _forecast(burn)]


def sparkline(values: Sequence[int], *, is_plain: bool, characters: int = BAR_CHARACTERS) -> str:
    """`values` as steps between 0 and their largest, at most so many: of more, the last of each part is shown."""
    steps = PLAIN_STEPS if is_plain else STEPS
    if len(values) > characters:
        values = [values[(place + 1) * len(values) // characters - 1] for place in range(characters)]
    largest = max(max(values, default=0), 1)
    return "".join(
        NOTHING if value <= 0 else steps[min((value * len(steps) - 1) // largest, len(steps) - 1)] for value in values
    )


def short_usd(picodollars: int) -> str:
    """`$12.34`; below a cent with all that it takes, so that nothing that costs is shown as nothing."""
    if abs(picodollars) < PICODOLLARS_PER_CENT:
        return f"${to_usd(picodollars)}"
    cents = -(-abs(picodollars) // PICODOLLARS_PER_CENT) if picodollars < 0 else picodollars // PICODOLLARS_PER_CENT
    return f"{'-' if picodollars < 0 else ''}${cents // 100:,}.{cents % 100:02}"


def _groups(amounts: Amounts) -> list[str]:
    """The groups that are told apart, the dearest first, and `OTHERS` if there are more."""
    totals: dict[str, int] = {}
    for parts in amounts.values():
        for group, picodollars in parts.items():
            totals[group] = totals.get(group, 0) + picodollars
    ordered = sorted(totals, key=lambda group: (-totals[group], group))
    return ordered if len(ordered) <= GROUPS_MAX + 1 else [*ordered[:GROUPS_MAX], OTHERS]


def _folded(parts: Mapping[str, int], groups: Sequence[str]) -> list[int]:
    """The amount of each of `groups`; what is none of them is the last."""
    folded = dict.fromkeys(groups, 0)
    for group, picodollars in parts.items():
        folded[group if group in folded else groups[-1]] += picodollars
    return list(folded.values())


def _lengths(amounts: Sequence[int], largest: int, characters: int) -> list[int]:
    """How many characters each part has, so that all of them together are as long as their sum."""
    ends, so_far = [0], 0
    for amount in amounts:
        so_far += max(amount, 0)
        ends.append((2 * so_far * characters + largest) // (2 * largest))
    return [end - start for start, end in pairwise(ends)]


def _legend(groups: Sequence[str], signs: str, *, is_plain: bool) -> Text:
    legend = Text()
    for place, group in enumerate(groups):
        legend.append(signs[place] * 2, style="" if is_plain else COLOURS[place])
        legend.append(f" {_cut(group or '-', LABEL_CHARACTERS_MAX)}{'' if place == len(groups) - 1 else '   '}")
    return legend


def _forecast(burn: Burn) -> Text:
    if burn.used_up_s is not None:
        return Text(f"used up on {_moment(burn.used_up_s)} if it goes on like this")
    if burn.end_s is not None:
        return Text(f"lasts until its period ends on {_moment(burn.end_s)}")
    return Text("nothing is being spent")


def _moment(at_s: int) -> str:
    return datetime.fromtimestamp(at_s, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _cut(text: str, characters: int) -> str:
    shown = printable(text).replace("\n", " ").replace("\t", " ")
    return shown if len(shown) <= characters else f"{shown[: characters - 1]}~"
