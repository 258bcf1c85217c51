"""Rows of the realm: projects, users, service accounts and members, each as one JSON document under its name."""

from collections.abc import Callable, Iterable, Mapping
from ipaddress import ip_network
from types import MappingProxyType
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import Connection, Table, delete, insert, select, update

from keywright.core.errors import ChangeRefusedError, StoreError
from keywright.core.identity import Member, Project, Realm, Role, ServiceAccount, User
from keywright.store.schema import MEMBERS, META, PROJECTS, SERVICE_ACCOUNTS, USERS

ORGANISATION: Final = "organisation"
"""The name under which `meta` keeps the organisation's."""
ORGANISATION_UNNAMED: Final = Realm().organisation

NounT = TypeVar("NounT", Project, User, ServiceAccount)

TABLES: Final[Mapping[type[Project | User | ServiceAccount], tuple[Table, str]]] = MappingProxyType(
    {
        Project: (PROJECTS, "project"),
        User: (USERS, "user"),
        ServiceAccount: (SERVICE_ACCOUNTS, "service account"),
    }
)
"""Where each noun is kept, and what it is called in a message."""


def select_one(connection: Connection, kind: type[NounT], name: str) -> NounT | None:
    """The one by that name."""
    table, _ = TABLES[kind]
    document = connection.execute(select(table.c.document).where(table.c.name == name)).scalar()
    return None if document is None else decoded(document, kind)


def the(connection: Connection, kind: type[NounT], name: str) -> NounT:
    """The one by that name.

    Raises:
        ChangeRefusedError: not_found.
    """
    found = select_one(connection, kind, name)
    if found is None:
        raise ChangeRefusedError("not_found", f"there is no {TABLES[kind][1]} {name!r}")
    return found


def select_page(
    connection: Connection, kind: type[NounT], after: str, limit: int, names: Iterable[str] | None
) -> list[NounT]:
    """Up to `limit` behind `after` by name, of `names` only unless that is None."""
    table, _ = TABLES[kind]
    query = select(table.c.document).where(table.c.name > after).order_by(table.c.name).limit(limit)
    if names is not None:
        query = query.where(table.c.name.in_(list(names)))
    return [decoded(document, kind) for document in connection.scalars(query)]


def insert_one(connection: Connection, noun: Project | User | ServiceAccount) -> None:
    """Keep a new one. The change has been counted before, so nobody else takes the name meanwhile.

    Raises:
        ChangeRefusedError: conflict, the name is taken.
    """
    table, word = TABLES[type(noun)]
    if connection.execute(select(table.c.name).where(table.c.name == noun.name)).first() is not None:
        raise ChangeRefusedError("conflict", f"there is a {word} {noun.name!r} already", "name")
    connection.execute(insert(table).values(name=noun.name, document=encoded(noun)))


def replace_one(connection: Connection, noun: NounT) -> None:
    """Keep it in place of the one by its name."""
    table, _ = TABLES[type(noun)]
    connection.execute(update(table).where(table.c.name == noun.name).values(document=encoded(noun)))


def select_members(
    connection: Connection, *, project: str | None = None, users: Iterable[str] | None = None
) -> list[Member]:
    """The members of `project`, or of all; of `users` only, where they are given. By project and user."""
    query = select(MEMBERS).order_by(MEMBERS.c.project, MEMBERS.c.user_name)
    if project is not None:
        query = query.where(MEMBERS.c.project == project)
    if users is not None:
        query = query.where(MEMBERS.c.user_name.in_(list(users)))
    return [Member(row.project, row.user_name, row.role) for row in connection.execute(query)]


def put_member(connection: Connection, project: str, user: str, role: Role | None) -> None:
    """Give the user that role on the project; None takes it away."""
    connection.execute(delete(MEMBERS).where(MEMBERS.c.project == project, MEMBERS.c.user_name == user))
    if role is not None:
        connection.execute(insert(MEMBERS).values(project=project, user_name=user, role=role))


def select_organisation(connection: Connection) -> str:
    """The organisation's name."""
    name = connection.execute(select(META.c.value).where(META.c.name == ORGANISATION)).scalar()
    return ORGANISATION_UNNAMED if name is None else str(name)


def put_organisation(connection: Connection, name: str) -> None:
    """Name the organisation."""
    connection.execute(delete(META).where(META.c.name == ORGANISATION))
    connection.execute(insert(META).values(name=ORGANISATION, value=name))


def select_realm(connection: Connection) -> Realm:
    """Everybody."""
    return Realm(
        organisation=select_organisation(connection),
        projects={project.name: project for project in _all(connection, Project)},
        users={user.name: user for user in _all(connection, User)},
        service_accounts={account.name: account for account in _all(connection, ServiceAccount)},
        members={(member.project, member.user): member for member in select_members(connection)},
    )


def encoded(noun: object) -> str:
    """A noun as JSON, networks as text."""
    return msgspec.json.encode(noun, enc_hook=str).decode()


def _decoder(kind: type[Project | User | ServiceAccount]) -> Callable[[str], Any]:
    """Reads a noun's document: networks stand in it as text, as msgspec cannot tell the two kinds apart."""
    fields = [
        (field.name, tuple[str, ...] if field.name == "cidrs" else field.type, field.default)
        if field.default is not msgspec.NODEFAULT
        else (field.name, field.type)
        for field in msgspec.structs.fields(kind)
    ]
    return msgspec.json.Decoder(msgspec.defstruct("_Document", fields)).decode


_DECODERS: Final[Mapping[type[Project | User | ServiceAccount], Callable[[str], Any]]] = MappingProxyType(
    {kind: _decoder(kind) for kind in TABLES}
)


def decoded(document: str, kind: type[NounT]) -> NounT:
    """The noun that a document is.

    Raises:
        StoreError: it is none of this version.
    """
    try:
        fields = msgspec.structs.asdict(_DECODERS[kind](document))
        if "cidrs" in fields:
            fields["cidrs"] = tuple(map(ip_network, fields["cidrs"]))
        return kind(**fields)
    except ValueError as error:  # msgspec's too
        word = TABLES[kind][1]
        raise StoreError(f"a {word} in the database is not one of this version: restore a backup") from error


def _all(connection: Connection, kind: type[NounT]) -> list[NounT]:
    table, _ = TABLES[kind]
    return [decoded(document, kind) for document in connection.scalars(select(table.c.document))]
