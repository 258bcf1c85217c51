"""Keys, projects and owners with any rules, for the laws of policy."""

from ipaddress import ip_network

from hypothesis import strategies as st

from keywright.core.identity import ENDPOINTS, Key, Network, Permission, Project, Realm, User
from keywright.policy.decision import Question

NOW_S = 1_000
MODELS = ("openai/gpt-5", "openai/gpt-5-mini", "anthropic/claude", "fast")
GLOBS = ("openai/*", "openai/gpt-5", "anthropic/*", "*", "fast", "none")
NETWORKS: tuple[Network, ...] = tuple(map(ip_network, ("10.0.0.0/8", "10.1.0.0/16", "192.0.2.0/24", "2001:db8::/32")))
ADDRESSES = ("10.0.0.1", "10.1.0.1", "192.0.2.7", "2001:db8::1", "::ffff:10.1.2.3", "unix:", "")


class Candidate:
    """A model at a provider."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name


CANDIDATES = tuple(map(Candidate, ("openai/gpt-5", "openai/gpt-5-mini", "anthropic/claude")))

globs = st.lists(st.sampled_from(GLOBS), max_size=2, unique=True).map(tuple)
endpoints = st.lists(st.sampled_from(ENDPOINTS[:4]), max_size=3, unique=True).map(tuple)
networks = st.lists(st.sampled_from(NETWORKS), max_size=2, unique=True).map(tuple)
moments = st.none() | st.integers(NOW_S - 2, NOW_S + 2)
candidates = st.lists(st.sampled_from(CANDIDATES), max_size=3, unique=True).map(tuple)
questions = st.builds(
    Question,
    now_s=st.just(NOW_S),
    endpoint=st.sampled_from(ENDPOINTS[:4]),
    model=st.sampled_from((*MODELS, "")),
    address=st.none() | st.sampled_from(ADDRESSES),
    by_alias=st.booleans(),
)
permissions: st.SearchStrategy[Permission] = st.sampled_from(("all", "read_only", "restricted"))


def key(key_id: str = "k", **rules: object) -> Key:
    """A key of a person, ada, in the project p."""
    facts: dict[str, object] = {"project": "p", "owner": "ada", "owner_kind": "user", **rules}
    return Key(id=key_id, kind="user", name="x", sha256=b"", created_s=0, **facts)  # type: ignore[arg-type]


def keys(key_id: str, parent: str | None = None, project: str = "p", owner: str = "ada") -> st.SearchStrategy[Key]:
    """Keys with that id, and any rules."""
    return st.builds(
        key,
        st.just(key_id),
        project=st.just(project),
        owner=st.just(owner),
        parent=st.just(parent),
        permission=permissions,
        endpoints=endpoints,
        models=globs,
        cidrs=networks,
        expires_s=moments,
        revoked_s=moments,
        allow_unpriced=st.booleans(),
    )


def projects(name: str) -> st.SearchStrategy[Project]:
    """Projects of that name, with any rules."""
    return st.builds(
        Project,
        name=st.just(name),
        created_s=st.just(0),
        models=globs,
        endpoints=endpoints,
        cidrs=networks,
        archived_s=moments,
        allow_unpriced=st.booleans(),
    )


def users(name: str) -> st.SearchStrategy[User]:
    """People of that name, disabled or not."""
    return st.builds(User, name=st.just(name), created_s=st.just(0), disabled_s=moments)


realms = st.builds(
    lambda *nouns: Realm(
        projects={noun.name: noun for noun in nouns if isinstance(noun, Project)},
        users={noun.name: noun for noun in nouns if isinstance(noun, User)},
    ),
    projects("p"),
    projects("q"),
    users("ada"),
    users("bob"),
)
