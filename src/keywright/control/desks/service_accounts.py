"""Service accounts."""

from collections.abc import Callable

from msgspec import UNSET
from msgspec.structs import replace

from keywright.control import reading
from keywright.control.actor import Actor
from keywright.control.blueprint import ControlBlueprint
from keywright.control.paging import Part, page
from keywright.control.resources import Page, ServiceAccountBody, ServiceAccountChange, ServiceAccountRow
from keywright.control.rows import service_account_row
from keywright.core.errors import ChangeRefusedError
from keywright.core.identity import ServiceAccount
from keywright.store.realms import Realms


class ServiceAccounts:
    """The service accounts of one gateway."""

    def __init__(self, blueprint: ControlBlueprint) -> None:
        self._realms = Realms(blueprint.store.database)
        self._blueprint = blueprint

    async def create(self, by: Actor, body: ServiceAccountBody) -> ServiceAccountRow:
        """Make one."""
        by.require("service_accounts.change", body.project)
        account = ServiceAccount(
            name=reading.name(body.name, "service account"),
            project=body.project,
            created_s=self._blueprint.now_s(),
            title=reading.title(body.title, "title"),
            tags=reading.tags(body.tags),
        )
        await self._realms.add(account)
        await self._blueprint.on_change()
        return service_account_row(account)

    async def page(self, by: Actor, part: Part, project: str | None) -> Page[ServiceAccountRow]:
        """Those that they may see, by name; of one project, unless that is None."""
        projects = by.sight("service_accounts.read").projects
        if project is not None:
            projects = frozenset({project}) if projects is None or project in projects else frozenset()
        found = await self._realms.service_accounts(part.after, part.wanted, projects)
        return page(found, part, service_account_row, lambda account: account.name)

    async def get(self, by: Actor, name: str) -> ServiceAccountRow:
        """One."""
        return service_account_row(await self._seen(by, name))

    async def update(self, by: Actor, name: str, expected: int | None, body: ServiceAccountChange) -> ServiceAccountRow:
        """Change one. `expected`: the version that is to be changed, None for whichever there is."""

        def change(account: ServiceAccount) -> ServiceAccount:
            return replace(
                account,
                title=account.title if body.title is UNSET else reading.title(body.title, "title"),
                tags=account.tags if body.tags is UNSET else reading.tags(body.tags),
            )

        return await self._change(by, name, expected, change)

    async def disable(self, by: Actor, name: str, expected: int | None, *, disabled: bool) -> ServiceAccountRow:
        """Refuse its keys from now on, or (not `disabled`) accept them again."""
        now_s = self._blueprint.now_s()

        def change(account: ServiceAccount) -> ServiceAccount:
            if disabled == (account.disabled_s is not None):
                return account
            return replace(account, disabled_s=now_s if disabled else None)

        return await self._change(by, name, expected, change)

    async def _change(
        self, by: Actor, name: str, expected: int | None, change: Callable[[ServiceAccount], ServiceAccount]
    ) -> ServiceAccountRow:
        account = await self._seen(by, name)
        by.require("service_accounts.change", account.project)
        changed = await self._realms.change(ServiceAccount, name, expected, change)
        await self._blueprint.on_change()
        return service_account_row(changed)

    async def _seen(self, by: Actor, name: str) -> ServiceAccount:
        """The account, if they may see it."""
        account = await self._realms.one(ServiceAccount, name)
        if account is None or not by.may("service_accounts.read", account.project):
            raise ChangeRefusedError("not_found", f"there is no service account {name!r}")
        return account
