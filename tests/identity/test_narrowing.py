"""What is within a key is never more than it, and what is left of one under another is within both."""

from fnmatch import fnmatchcase
from ipaddress import ip_network
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keywright.core.identity import ENDPOINTS, Key, Permission
from keywright.identity.narrowing import (
    NothingLeftError,
    endpoints_of,
    exceeding,
    glob_within,
    narrowed,
    network_within,
)

LETTERS = "ab/"
GLOBS = st.text(alphabet=LETTERS + "*?[]!", min_size=1, max_size=6)
NAMES = st.text(alphabet=LETTERS + "*?[]!", max_size=6)
NETWORKS = st.builds(
    lambda bits, prefix: ip_network((bits, prefix), strict=False),
    st.integers(0, 2**32 - 1),
    st.sampled_from((0, 8, 9, 32)),
)
COUNTS = st.none() | st.integers(1, 3)


@st.composite
def keys(draw: st.DrawFn) -> Key:
    permission: Permission = draw(st.sampled_from(get_args(Permission)))
    endpoints = draw(st.sets(st.sampled_from(ENDPOINTS[:4]), min_size=1)) if permission == "restricted" else ()
    return Key(
        id="k",
        kind="service",
        name="k",
        sha256=b"",
        created_s=0,
        permission=permission,
        endpoints=tuple(sorted(endpoints)),
        models=tuple(draw(st.lists(GLOBS, max_size=2))),
        cidrs=tuple(draw(st.lists(NETWORKS, max_size=2))),
        expires_s=draw(st.none() | st.integers(1, 3)),
        allow_unpriced=draw(st.booleans()),
        requests_per_min=draw(COUNTS),
        tokens_per_min=draw(COUNTS),
        concurrency=draw(COUNTS),
        tags=tuple(sorted(draw(st.dictionaries(st.sampled_from("xy"), st.sampled_from("ab"))).items())),
    )


@given(GLOBS, GLOBS, NAMES)
def test_what_a_glob_matches_that_is_within_another_the_other_matches_too(glob: str, bound: str, name: str) -> None:
    if glob_within(glob, bound) and fnmatchcase(name, glob):
        assert fnmatchcase(name, bound)


@pytest.mark.parametrize(
    ("glob", "bound", "within"),
    [
        ("openai/gpt-5", "openai/*", True),
        ("openai/gpt-*", "openai/*", True),
        ("openai/*", "openai/gpt-*", False),
        ("fast", "openai/*", False),
        ("openai/gpt-?", "openai/gpt-[0-9]", False),
        ("openai/gpt-[45]", "openai/*", True),
        ("*", "openai/*", False),
        ("anything", "*", True),
    ],
)
def test_globs_that_people_write_compare_as_they_expect(glob: str, bound: str, within: bool) -> None:
    assert glob_within(glob, bound) is within


@given(NETWORKS, NETWORKS)
def test_a_network_is_within_another_when_each_of_its_addresses_is(network: object, bound: object) -> None:
    assert network_within(network, bound) == network.subnet_of(bound)  # type: ignore[arg-type, attr-defined]


@given(keys(), keys())
def test_what_is_left_of_a_key_exceeds_neither_the_key_nor_its_bound(key: Key, bound: Key) -> None:
    try:
        left = narrowed(key, bound)
    except NothingLeftError:
        return
    assert exceeding(left, bound) == ()
    assert set(exceeding(left, key)) <= {"tags"}  # of two values of a tag the bound's counts


@given(keys(), keys())
def test_a_key_that_exceeds_nothing_is_left_as_it_is(key: Key, bound: Key) -> None:
    if not exceeding(key, bound):
        left = narrowed(key, bound)
        assert endpoints_of(left) == endpoints_of(key)
        assert set(key.models) <= set(left.models) or not key.models


@given(keys())
def test_no_key_exceeds_itself(key: Key) -> None:
    assert exceeding(key, key) == ()
