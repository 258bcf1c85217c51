"""Charts show what the figures say, with colours and without, and nothing that a client wrote steers the terminal."""

from hypothesis import given
from hypothesis import strategies as st

from keywright.cli.charts import (
    BAR_CHARACTERS,
    GROUPS_MAX,
    OTHERS,
    PLAIN_SIGNS,
    PLAIN_STEPS,
    SIGNS,
    Burn,
    bars,
    burn_down,
    short_usd,
    sparkline,
)

CENT = 10**10
DAYS = {"2026-11-23": {"openai/gpt": 300 * CENT, "groq/llama": 100 * CENT}, "2026-11-24": {"openai/gpt": 200 * CENT}}


def plain(amounts: dict[str, dict[str, int]], characters: int = BAR_CHARACTERS) -> list[str]:
    return [line.plain for line in bars(amounts, is_plain=True, characters=characters)]


def test_a_bar_is_as_long_as_its_day_cost_and_made_of_its_models() -> None:
    assert plain(DAYS, 8) == [
        "2026-11-23  $4.00  ######==",
        "2026-11-24  $2.00  ####",
        "",
        "## openai/gpt   == groq/llama",
    ]


def test_groups_are_told_apart_by_sign_and_by_colour() -> None:
    line = bars(DAYS, is_plain=False, characters=8)[0]
    assert line.plain.endswith(SIGNS[0] * 6 + SIGNS[1] * 2)
    assert len({span.style for span in line.spans}) == 2
    assert bars(DAYS, is_plain=True, characters=8)[0].spans == []


def test_one_group_without_a_name_needs_no_legend() -> None:
    assert plain({"mon": {"": CENT}}, 4) == ["mon  $0.01  ####"]


def test_no_rows_are_no_chart() -> None:
    assert bars({}, is_plain=True) == []
    assert bars({"mon": {}}, is_plain=True) == []


def test_many_groups_become_others_and_nothing_is_lost() -> None:
    models = {f"m{at:02}": (30 - at) * CENT for at in range(30)}
    lines = plain({"mon": models}, 60)
    assert lines[0].count(PLAIN_SIGNS[GROUPS_MAX]) > 0
    assert lines[-1].endswith(OTHERS)
    assert len(lines[0].split("  ")[2]) == 60


@given(
    st.dictionaries(
        st.sampled_from("abcdef"), st.dictionaries(st.text(max_size=9), st.integers(0, 10**18)), min_size=1, max_size=6
    ),
    st.booleans(),
)
def test_parts_are_together_as_long_as_their_sum(amounts: dict[str, dict[str, int]], is_plain: bool) -> None:
    signs = PLAIN_SIGNS if is_plain else SIGNS
    largest = max(1, *(sum(parts.values()) for parts in amounts.values()), 1)
    for line, parts in zip(bars(amounts, is_plain=is_plain, characters=20), amounts.values(), strict=False):
        length = len(line.plain) - len(line.plain.rstrip(signs))
        assert length == (40 * sum(parts.values()) + largest) // (2 * largest)


@given(st.text(), st.text())
def test_no_control_character_of_a_client_passes(label: str, group: str) -> None:
    shown = "".join(plain({label: {group: CENT, "x": CENT}}))
    assert not {chr(code) for code in (*range(32), *range(127, 160))} & set(shown)


def test_a_line_of_steps_goes_from_nothing_to_the_largest() -> None:
    assert sparkline([0, 1, 4, 8, -2], is_plain=True) == f" {PLAIN_STEPS[0]}{PLAIN_STEPS[3]}{PLAIN_STEPS[7]} "
    assert len(sparkline(range(1000), is_plain=False, characters=40)) == 40
    assert sparkline([], is_plain=True) == ""
    assert sparkline(range(1, 101), is_plain=True, characters=10)[-1] == PLAIN_STEPS[-1]


def test_a_budget_burns_down_to_what_is_left_and_when_it_ends() -> None:
    burn = Burn("project:shop", 1000 * CENT, (250 * CENT, 250 * CENT), used_up_s=1_795_600_000)
    assert [line.plain for line in burn_down(burn, is_plain=True)] == [
        "project:shop: $5.00 left of $10.00 (50 %)",
        f"{PLAIN_STEPS[7]}{PLAIN_STEPS[5]}{PLAIN_STEPS[3]}",
        "used up on 2026-11-25 09:46 UTC if it goes on like this",
    ]
    lasting = Burn("x", CENT, (), end_s=1_795_600_000)
    assert burn_down(lasting, is_plain=True)[2].plain == "lasts until its period ends on 2026-11-25 09:46 UTC"
    assert burn_down(Burn("x", 0, (CENT,)), is_plain=True)[0].plain == "x: -$0.01 left of $0.00"


def test_amounts_are_short_but_never_nothing() -> None:
    assert [short_usd(amount) for amount in (0, 1, 999, CENT, 123_456 * CENT, -CENT)] == [
        "$0.00",
        "$0.000000000001",
        "$0.000000000999",
        "$0.01",
        "$1,234.56",
        "-$0.01",
    ]
