"""Ledger against figures: what is drift, what is not, and whose key is whose. Without a socket."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.secret import Secret
from keywright.reconcile.compare import ROUNDING_PICODOLLARS, Recorded, Report, compare, percent
from keywright.reconcile.matching import Matched, matched
from keywright.reconcile.reader import Figure, KeyHint, Told
from keywright.vault.hint import fits

CENT = 10**10
OURS = {"key_1": "fp1", "key_2": "fp2"}

Uses = list[tuple[str, str, int, int, int]]
uses = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]),
        st.sampled_from(list(OURS)),
        st.integers(0, 10**9),
        st.integers(0, 10**9),
        st.integers(0, 10**18),
    ),
    max_size=12,
)


def compared(told: Told, *recorded: Recorded, tolerance: str = "1") -> Report:
    return compare(told, recorded, OURS, str.lower, Decimal(tolerance))


def told(*figures: Figure) -> Told:
    return Told(figures)


@given(uses, st.booleans())
def test_a_ledger_that_equals_the_figures_has_no_drift_however_they_are_split(all_: Uses, apart: bool) -> None:
    figures = []
    for model, key, tokens_in, tokens_out, cost in all_:
        if apart:
            figures += [Figure(model, key, 1, tokens_in, tokens_out), Figure(model.upper(), key, cost=cost)]
        else:
            figures.append(Figure(model, key, 1, tokens_in, tokens_out, cost))
    recorded = [
        Recorded(model, OURS[key], 1, tokens_in, tokens_out, cost) for model, key, tokens_in, tokens_out, cost in all_
    ]
    found = compared(told(*figures), *recorded, tolerance="0")
    assert not found.exceeds
    assert found.foreign == ()
    assert all(line.provider == line.ledger for line in (*found.models, *found.keys, found.total))


@given(st.integers(1, 10**12), st.integers(0, 10**12), st.integers(0, 100))
def test_tokens_are_judged_exactly_by_the_tolerance(provider: int, ledger: int, tolerance: int) -> None:
    found = compared(
        told(Figure("a", "key_1", 1, provider, 0, 0)), Recorded("a", "fp1", 1, ledger, 0, 0), tolerance=str(tolerance)
    )
    assert found.exceeds == (abs(ledger - provider) * 100 > tolerance * provider)


def test_costs_that_differ_by_rounding_are_the_same() -> None:
    def exceeds(cost: int) -> bool:
        return compared(told(Figure("a", "key_1", 1, 1, 1, 0)), Recorded("a", "fp1", 1, 1, 1, cost)).exceeds

    assert not exceeds(ROUNDING_PICODOLLARS)
    assert exceeds(ROUNDING_PICODOLLARS + 1)


def test_where_no_key_is_told_everything_counts() -> None:
    found = compared(told(Figure("a", "", 1, 10, 1, CENT)), Recorded("a", "fp1", 1, 10, 1, CENT))
    assert not found.exceeds
    assert found.foreign == ()


def test_a_cost_of_all_keys_is_compared_while_the_keys_are_ours() -> None:
    figures = (Figure("a", "key_1", None, 10, 1), Figure("a", "key_2", None, 5, 1), Figure("a", "", cost=CENT))
    recorded = (Recorded("a", "fp1", 1, 10, 1, CENT // 2), Recorded("a", "fp2", 1, 5, 1, CENT // 2))
    assert not compared(told(*figures), *recorded).exceeds
    assert compared(told(*figures), recorded[0], Recorded("a", "fp2", 1, 5, 1, CENT)).exceeds
    other = compared(
        told(*figures, Figure("a", "key_9", None, 5, 1)), *recorded[:1], Recorded("a", "fp2", 1, 5, 1, 9 * CENT)
    )
    assert other.uncompared == ("a",)
    assert not other.exceeds


@pytest.mark.parametrize(("ledger", "provider", "said"), [(0, 0, "0"), (1, 0, None), (3, 4, "-25.00"), (4, 3, "33.33")])
def test_percent_is_of_what_the_provider_says(ledger: int, provider: int, said: str | None) -> None:
    found = percent(ledger, provider)
    assert found == (None if said is None else Decimal(said))


class TestMatching:
    def test_the_operator_s_word_goes_before_digest_and_ends(self) -> None:
        hints = (KeyHint("a", "sk-...1"), KeyHint("b", "", "fp2" + "0" * 61), KeyHint("c", "", "f" * 64), KeyHint("d"))
        found = matched(hints, {"a": "word"}, ["fp2000000000"], lambda _: ("fp1",))
        assert found == (Matched("a", "word", "configured"), Matched("b", "fp2000000000", "digest"))

    def test_ends_count_only_where_they_fit_one_key_and_one_secret(self) -> None:
        one = matched([KeyHint("a", "x")], {}, [], lambda _: ("fp1",))
        assert one == (Matched("a", "fp1", "redacted"),)
        assert matched([KeyHint("a", "x")], {}, [], lambda _: ("fp1", "fp2")) == ()
        assert matched([KeyHint("a", "x"), KeyHint("b", "x")], {}, [], lambda _: ("fp1",)) == ()
        assert matched([KeyHint("b", "x")], {"a": "fp1"}, [], lambda _: ("fp1",)) == (
            Matched("a", "fp1", "configured"),
        )

    @pytest.mark.parametrize(
        ("hint", "fit"),
        [
            ("sk-abc...wxyz", True),
            ("sk-a************wxyz", True),
            ("sk-abcd…wxyz", True),
            ("sk-abc...", False),
            ("sk-abd...wxyz", False),
            ("sk-abc...wxyy", False),
            ("sk-abcd-0123-wxyz", False),
            ("...", False),
            ("", False),
            ("sk-abcd-0123...-0123-wxyz", False),
        ],
    )
    def test_a_secret_has_the_ends_that_a_hint_shows(self, hint: str, fit: bool) -> None:
        assert fits(Secret("sk-abcd-0123-wxyz"), hint) is fit
