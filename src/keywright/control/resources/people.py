"""The organisation, its projects, and who belongs to them."""

from msgspec import UNSET, Struct, UnsetType

from keywright.core.identity import Role


class OrganisationRow(Struct, frozen=True):
    """The organisation."""

    name: str


class OrganisationChange(Struct, frozen=True, forbid_unknown_fields=True):
    """Another name for it."""

    name: str


class RoleOn(Struct, frozen=True):
    """A role on one project."""

    project: str
    role: Role


class Me(Struct, frozen=True):
    """Who is asking. `role` is on the whole organisation."""

    actor: str
    key: str
    user: str | None
    role: Role | None
    projects: tuple[RoleOn, ...]
    organisation: str


class ProjectBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A project to be made. `models`, `endpoints` and `cidrs` narrow what its keys may do; empty: they do not."""

    name: str
    title: str = ""
    models: tuple[str, ...] = ()
    endpoints: tuple[str, ...] = ()
    cidrs: tuple[str, ...] = ()
    allow_unpriced: bool = False
    tags: dict[str, str] = {}


class ProjectChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a project."""

    title: str | UnsetType = UNSET
    models: tuple[str, ...] | UnsetType = UNSET
    endpoints: tuple[str, ...] | UnsetType = UNSET
    cidrs: tuple[str, ...] | UnsetType = UNSET
    allow_unpriced: bool | UnsetType = UNSET
    tags: dict[str, str] | UnsetType = UNSET


class ProjectRow(Struct, frozen=True, kw_only=True):
    """A project. Keys of an archived one are refused. `declared`: the configuration has it, only that changes it."""

    name: str
    title: str
    models: tuple[str, ...]
    endpoints: tuple[str, ...]
    cidrs: tuple[str, ...]
    allow_unpriced: bool
    tags: dict[str, str]
    created: str
    archived: str | None
    declared: bool
    version: int


class MemberBody(Struct, frozen=True, forbid_unknown_fields=True):
    """The role that a user is to have on a project."""

    role: Role


class MemberRow(Struct, frozen=True):
    """A user's role on a project."""

    project: str
    user: str
    role: Role


class UserBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A user to be made. `role`: on the whole organisation."""

    name: str
    email: str = ""
    role: Role | None = None
    tags: dict[str, str] = {}


class UserChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a user. `role` null: none any more."""

    email: str | UnsetType = UNSET
    role: Role | UnsetType | None = UNSET
    tags: dict[str, str] | UnsetType = UNSET


class UserRow(Struct, frozen=True, kw_only=True):
    """A user, with the roles on single projects. A disabled one's keys are refused."""

    name: str
    email: str
    role: Role | None
    projects: tuple[RoleOn, ...]
    tags: dict[str, str]
    created: str
    disabled: str | None
    version: int


class ServiceAccountBody(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A service account to be made."""

    name: str
    project: str = "default"
    title: str = ""
    tags: dict[str, str] = {}


class ServiceAccountChange(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What becomes different about a service account."""

    title: str | UnsetType = UNSET
    tags: dict[str, str] | UnsetType = UNSET


class ServiceAccountRow(Struct, frozen=True, kw_only=True):
    """A service account. A disabled one's keys are refused."""

    name: str
    project: str
    title: str
    tags: dict[str, str]
    created: str
    disabled: str | None
    version: int
