"""What the configuration declares besides providers: projects, budgets and limits, brought into the store."""

from hashlib import sha256
from ipaddress import ip_network
from typing import Final

from keywright.config import Config, ProjectConfig
from keywright.core.budget import Budget, Limit, subject, window
from keywright.core.identity import Project
from keywright.core.money import from_usd
from keywright.store.declarations import Declarations, Declared
from keywright.store.store import Store

ID_HEX_DIGITS: Final = 16


async def declare(config: Config, store: Store, now_s: int) -> bool:
    """Let the store have what `config` declares, and nothing else that is declared. Returns whether that changed it.

    Raises:
        StoreError: it cannot be written.
    """
    return await Declarations(store.database).replace(declared(config, now_s))


def declared(config: Config, now_s: int) -> Declared:
    """What `config` declares, as if it had been made at `now_s` (Unix seconds).

    The id of a budget follows from what it is on and its window, that of a limit from what it is on: what was spent
    stays spent when an amount is changed.
    """
    return Declared(
        projects=tuple(_project(name, project, now_s) for name, project in config.projects.items()),
        budgets=tuple(
            Budget(
                id=_id(budget.on, window(budget.window)),
                on=subject(budget.on),
                picodollars=from_usd(f"{budget.amount:f}"),
                window=window(budget.window),
                created_s=now_s,
                hard=not budget.soft,
                thresholds=budget.thresholds,
                declared=True,
            )
            for budget in config.budgets
        ),
        limits=tuple(
            Limit(
                id=_id(limit.on),
                on=subject(limit.on),
                created_s=now_s,
                requests_per_min=limit.requests_per_min,
                tokens_per_min=limit.tokens_per_min,
                concurrency=limit.concurrency,
                declared=True,
            )
            for limit in config.limits
        ),
    )


def _project(name: str, project: ProjectConfig, now_s: int) -> Project:
    return Project(
        name=name,
        created_s=now_s,
        title=project.title,
        models=project.models,
        endpoints=project.endpoints,
        cidrs=tuple(map(ip_network, project.cidrs)),
        allow_unpriced=project.allow_unpriced,
        tags=tuple(project.tags.items()),
        declared=True,
    )


def _id(*words: str) -> str:
    return "declared-" + sha256("\n".join(words).encode()).hexdigest()[:ID_HEX_DIGITS]
