"""What holds for any rules: merging only narrows, whatever the order; a child never exceeds its parent."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keywright.core.identity import NOBODY, Key, Realm
from keywright.policy.decision import Question, decide, usable
from keywright.policy.grant import Grant, grant_of
from keywright.policy.level import Level
from tests.policy.samples import Candidate, candidates, keys, questions, realms

Candidates = tuple[Candidate, ...]


def alone(level: Level) -> Grant:
    """What one level by itself leaves."""
    return merged((level,))


def merged(levels: tuple[Level, ...]) -> Grant:
    """What these levels leave."""
    ends = [end.at_s for level in levels for end in level.ends]
    return Grant(
        levels=levels,
        endpoints=tuple(level for level in levels if level.endpoints is not None),
        models=tuple(level for level in levels if level.models),
        cidrs=tuple(level for level in levels if level.cidrs),
        ends_s=min(ends, default=10**9),
        rule="",
        allows_unpriced=False,
    )


@given(keys("k"), keys("up", project="q", owner="bob"), realms, questions, candidates)
def test_a_child_s_grant_is_part_of_its_parent_s(
    key: Key, parent: Key, realm: Realm, question: Question, found: Candidates
) -> None:
    child = grant_of(replace(key, parent="up"), {"up": parent}, realm)
    above = grant_of(parent, {}, realm)
    if decide(child, question, found).allowed:
        assert decide(above, question, found).allowed
    assert set(usable(child, question.model, found)) <= set(usable(above, question.model, found))
    assert child.ends_s <= above.ends_s
    assert above.allows_unpriced or not child.allows_unpriced


@given(keys("k"), realms, questions, candidates)
def test_a_project_and_an_owner_only_narrow(key: Key, realm: Realm, question: Question, found: Candidates) -> None:
    inside, outside = grant_of(key, {}, realm), grant_of(key, {}, NOBODY)
    if decide(inside, question, found).allowed:
        assert decide(outside, question, found).allowed
    assert set(usable(inside, question.model, found)) <= set(usable(outside, question.model, found))


@given(keys("k", parent="up"), keys("up", project="q"), realms, questions, candidates, st.randoms())
def test_the_order_in_which_levels_merge_makes_no_difference(
    key: Key, parent: Key, realm: Realm, question: Question, found: Candidates, random: Random
) -> None:
    grant = grant_of(key, {"up": parent}, realm)
    levels = list(grant.levels)
    random.shuffle(levels)
    shuffled = merged(tuple(levels))
    assert decide(shuffled, question, found).allowed == decide(grant, question, found).allowed
    assert decide(shuffled, question, found).code == decide(grant, question, found).code
    assert usable(shuffled, question.model, found) == usable(grant, question.model, found)


@given(keys("k", parent="up"), keys("up", project="q"), realms, questions, candidates)
def test_who_denies_alone_denies_with_others(
    key: Key, parent: Key, realm: Realm, question: Question, found: Candidates
) -> None:
    grant = grant_of(key, {"up": parent}, realm)
    if not all(decide(alone(level), question, found).allowed for level in grant.levels):
        assert not decide(grant, question, found).allowed


@given(keys("k", parent="up"), keys("up"), realms, questions, candidates)
def test_a_denial_names_the_level_and_the_kind_of_its_rule(
    key: Key, parent: Key, realm: Realm, question: Question, found: Candidates
) -> None:
    grant = grant_of(key, {"up": parent}, realm)
    decision = decide(grant, question, found)
    kind, _, rule = decision.rule.partition(":")
    if decision.allowed:
        assert (decision.code, decision.message) == ("", "")
        assert decision.rule in ("key:all", "key:models", "project:models", "parent:models")
        return
    assert decision.code
    assert decision.message
    assert kind in {level.kind for level in grant.levels}
    assert rule in ("permission", "endpoints", "cidrs", "models", "revoked", "expired", "archived", "disabled")


@given(keys("k"), realms, questions, candidates)
def test_the_same_question_has_the_same_answer(key: Key, realm: Realm, question: Question, found: Candidates) -> None:
    decisions = [decide(grant_of(key, {}, realm), question, found) for _ in range(2)]
    assert decisions[0] == decisions[1]


@given(keys("k"), realms)
def test_what_restricts_nothing_is_not_asked(key: Key, realm: Realm) -> None:
    grant = grant_of(key, {}, realm)
    for level in grant.levels:
        asked = [level in kept for kept in (grant.endpoints, grant.models, grant.cidrs)]
        assert asked == [level.endpoints is not None, bool(level.models), bool(level.cidrs)]
