"""The questions that the ledger answers: one method each. All of a question is read at one moment."""

from sqlalchemy import Connection

from keywright.core.budget import Budget
from keywright.store.burn import BurnDown, select_burn_down
from keywright.store.credential_uses import CredentialUses, select_addresses, select_uses
from keywright.store.database import Database
from keywright.store.growth import Growth, select_growth
from keywright.store.usage import NO_FILTERS, Dimension, Filters, UsageQuery, UsageRow, select_usage


class Reports:
    """The ledger of one database, asked. Every method raises StoreError when it cannot answer.

    Times are Unix seconds, spans [since_s, until_s).
    """

    def __init__(self, database: Database) -> None:
        self._read = database.read

    async def usage(self, query: UsageQuery) -> tuple[UsageRow, ...]:
        """Usage by whatever it is asked by, sorted."""
        return await self._read(lambda connection: select_usage(connection, query))

    async def credential_uses(self, credential: str, since_s: int, until_s: int) -> CredentialUses:
        """Who used the credential with that fingerprint, and from where."""

        def ask(connection: Connection) -> CredentialUses:
            uses = select_uses(connection, credential, since_s, until_s)
            known_s, addresses = select_addresses(connection, credential, since_s, until_s)
            return CredentialUses(uses, addresses, known_s)

        return await self._read(ask)

    async def growth(self, by: Dimension, now_s: int, top: int, filters: Filters = NO_FILTERS) -> tuple[Growth, ...]:
        """The `top` values of `by` that cost so much more in the last seven days than in the seven before."""
        return await self._read(lambda connection: select_growth(connection, by, now_s, top, filters))

    async def burn_down(self, budget: Budget, now_s: int) -> BurnDown:
        """How a budget is being used up, and when nothing will be left."""
        return await self._read(lambda connection: select_burn_down(connection, budget, now_s))

    async def unpriced(self, since_s: int, until_s: int) -> tuple[UsageRow, ...]:
        """What was answered without anybody knowing a price, by provider and model."""
        return await self.usage(UsageQuery(("provider", "model"), since_s, until_s, Filters(unpriced=True)))

    async def of_provider(self, provider: str, since_s: int, until_s: int) -> tuple[UsageRow, ...]:
        """By day, model and credential, what the provider's own list of usage should say, too."""
        query = UsageQuery(("day", "model", "credential"), since_s, until_s, Filters(provider=(provider,)))
        return await self.usage(query)
