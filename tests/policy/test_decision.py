"""What a key may do: endpoints, addresses, models, and until when; and which rule says so."""

from ipaddress import ip_network

import pytest

from keywright.core.identity import NOBODY, Key, Project, Realm, ServiceAccount, User
from keywright.policy.decision import Decision, Question, address_objection, decide, end_objection
from keywright.policy.grant import NEVER_S, Grant, grant_of
from keywright.policy.level import PARENTS_MAX
from tests.policy.samples import CANDIDATES, NOW_S, Candidate, key


def granted(*cidrs: str) -> Grant:
    return grant_of(key(cidrs=tuple(map(ip_network, cidrs))), {}, NOBODY)


def realm(project: Project | None = None, user: User | None = None) -> Realm:
    return Realm(
        projects={} if project is None else {project.name: project}, users={} if user is None else {user.name: user}
    )


def asked(
    grant: Grant, model: str = "openai/gpt-5", endpoint: str = "chat", address: str | None = "10.0.0.1"
) -> Decision:
    found = tuple(one for one in CANDIDATES if one.name == model) or (CANDIDATES if model == "fast" else ())
    return decide(grant, Question(NOW_S, endpoint, model, address), found)


def test_a_plain_key_is_asked_about_nothing() -> None:
    grant = grant_of(key(), {}, realm(Project("p", 0), User("ada", 0)))
    assert (grant.endpoints, grant.models, grant.cidrs, grant.ends_s) == ((), (), (), NEVER_S)
    assert asked(grant) == Decision(allowed=True, rule="key:all")


def test_an_ipv4_address_written_as_ipv6_is_that_ipv4_address() -> None:
    assert address_objection(granted("10.0.0.0/8"), "::ffff:10.1.2.3") is None
    assert address_objection(granted("10.0.0.0/8"), "::ffff:11.1.2.3") is not None
    assert address_objection(granted("::/0"), "::ffff:10.1.2.3") is not None
    assert address_objection(granted("2001:db8::/32"), "2001:db8::1") is None


@pytest.mark.parametrize("address", ["", "unix:", "10.0.0", "10.0.0.1:80"])
def test_an_address_that_cannot_be_read_is_in_no_network(address: str) -> None:
    assert address_objection(granted(), address) is None
    objection = address_objection(granted("0.0.0.0/0", "2001:db8::/32"), address)
    assert objection is not None
    assert objection.code == "address_not_allowed"


def test_globs_match_whole_names_and_case() -> None:
    grant = grant_of(key(models=("openai/gpt-4o", "a*c", "[ab]/x")), {}, NOBODY)
    names = ("openai/gpt-4o", "abc", "a/b/c", "b/x")
    others = ("openai/gpt-4o-mini", "OPENAI/gpt-4o", "abcd", "c/x", "")
    assert all(map(grant.may_name, names))
    assert not any(map(grant.may_name, others))


def test_the_denial_says_whose_rule_it_is() -> None:
    project = Project("p", 0, models=("openai/*",), endpoints=("chat", "models"), cidrs=(ip_network("10.0.0.0/8"),))
    grant = grant_of(key(), {}, realm(project))
    assert asked(grant).rule == "project:models"
    assert asked(grant, "anthropic/claude") == Decision(
        allowed=False,
        rule="project:models",
        code="model_not_allowed",
        message="the project 'p' of this key may not use the model 'anthropic/claude'",
    )
    assert asked(grant, endpoint="rerank").rule == "project:endpoints"
    assert asked(grant, address="192.0.2.1").rule == "project:cidrs"
    assert asked(grant_of(key(permission="read_only"), {}, realm(project))).rule == "key:permission"
    assert asked(grant_of(key(permission="restricted", endpoints=("models",)), {}, NOBODY)).rule == "key:endpoints"


def test_two_levels_leave_what_both_have() -> None:
    project = Project("p", 0, models=("openai/*",))
    grant = grant_of(key(models=("*/gpt-5", "anthropic/*")), {}, realm(project))
    assert asked(grant).allowed
    assert asked(grant, "anthropic/claude").rule == "project:models"
    assert asked(grant, "openai/gpt-5-mini").rule == "key:models"
    assert asked(grant, "fast").allowed, "of the alias one candidate is left"
    assert not asked(grant_of(key(models=("anthropic/*",)), {}, realm(project)), "fast").allowed, "none is in both"


def test_an_alias_that_is_named_counts_with_all_its_candidates_at_that_level_only() -> None:
    project = Project("p", 0, models=("openai/gpt-5-mini",))
    grant = grant_of(key(models=("fast",)), {}, realm(project))
    assert asked(grant, "fast").allowed
    assert not asked(grant).allowed


@pytest.mark.parametrize(
    ("rule", "code", "grant"),
    [
        ("key:revoked", "key_revoked", grant_of(key(revoked_s=NOW_S), {}, NOBODY)),
        ("key:expired", "key_expired", grant_of(key(expires_s=NOW_S), {}, NOBODY)),
        ("key:revoked", "key_revoked", grant_of(key(revoked_s=NOW_S, expires_s=NOW_S - 1), {}, NOBODY)),
        ("project:archived", "key_revoked", grant_of(key(), {}, realm(Project("p", 0, archived_s=NOW_S)))),
        ("owner:disabled", "key_revoked", grant_of(key(), {}, realm(user=User("ada", 0, disabled_s=NOW_S)))),
        (
            "owner:disabled",
            "key_revoked",
            grant_of(
                key(owner="bot", owner_kind="service_account"),
                {},
                Realm(service_accounts={"bot": ServiceAccount("bot", "p", 0, disabled_s=NOW_S)}),
            ),
        ),
        ("parent:expired", "key_expired", grant_of(key(parent="up"), {"up": key("up", expires_s=NOW_S)}, NOBODY)),
        ("parent:revoked", "key_revoked", grant_of(key(parent="up"), {"up": key("up", revoked_s=NOW_S)}, NOBODY)),
        ("parent:unknown", "key_revoked", grant_of(key(parent="gone"), {}, NOBODY)),
    ],
)
def test_what_has_ended_anywhere_has_ended(rule: str, code: str, grant: Grant) -> None:
    objection = end_objection(grant, NOW_S)
    assert objection is not None
    assert (objection.rule, objection.code) == (rule, code)
    if rule != "parent:unknown":
        assert end_objection(grant, NOW_S - 2) is None


def test_a_user_is_not_the_service_account_of_that_name() -> None:
    accounts = {"ada": ServiceAccount("ada", "p", 0, disabled_s=0)}
    assert asked(grant_of(key(owner_kind="user"), {}, Realm(service_accounts=accounts))).allowed


def test_a_project_that_nobody_knows_restricts_nothing() -> None:
    assert asked(grant_of(key(project="old"), {}, realm(Project("p", 0, archived_s=0)))).allowed


def test_a_key_in_a_circle_of_parents_is_refused() -> None:
    circle = {"a": key("a", parent="b"), "b": key("b", parent="a")}
    assert asked(grant_of(circle["a"], circle, NOBODY)).rule == "parent:unknown"


def test_a_key_may_have_so_many_parents_and_no_more() -> None:
    line: dict[str, Key] = {"0": key("0")}
    for number in range(1, PARENTS_MAX + 2):
        line[str(number)] = key(str(number), parent=str(number - 1))
    assert asked(grant_of(line[str(PARENTS_MAX)], line, NOBODY)).allowed
    assert not asked(grant_of(line[str(PARENTS_MAX + 1)], line, NOBODY)).allowed


def test_a_restricted_key_must_name_a_model() -> None:
    grant = grant_of(key(models=("openai/*",)), {}, NOBODY)
    assert "names none" in decide(grant, Question(NOW_S, "files", ""), (Candidate("openai/"),)).message
    assert decide(grant_of(key(), {}, NOBODY), Question(NOW_S, "files", ""), (Candidate("openai/"),)).allowed


def test_models_without_a_price_need_the_leave_of_key_or_project_and_of_the_parent() -> None:
    allowing = realm(Project("p", 0, allow_unpriced=True))
    assert grant_of(key(allow_unpriced=True), {}, NOBODY).allows_unpriced
    assert grant_of(key(), {}, allowing).allows_unpriced
    assert not grant_of(key(), {}, NOBODY).allows_unpriced
    parents = {"up": key("up", project="other")}
    assert not grant_of(key(parent="up", allow_unpriced=True), parents, allowing).allows_unpriced
