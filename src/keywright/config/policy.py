"""What the types of the tree cannot say about policy: what a project's rules name, what a budget or a limit is on."""

from collections.abc import Callable, Collection, Iterator
from ipaddress import ip_network
from typing import Final

from keywright.config.document import Path
from keywright.config.faults import Faults, nearest
from keywright.config.tree import BudgetConfig, Config, LimitConfig, ProjectConfig
from keywright.core.budget import CALENDAR, subject, window
from keywright.core.identity import ENDPOINTS
from keywright.identity.key import label, model_glob

AMOUNT_MAX: Final = 10**9
AMOUNT_DECIMALS_MAX: Final = 12
TAGS_MAX: Final = 50
NOT_IN_NAMES: Final = frozenset("/\\%?#")
"""What no name has that stands in a path of the administration API."""
SUBJECTS: Final = ("organisation", "project:", "user:", "service-account:", "key:", "model:", "tag:")
WINDOWS: Final = ("total", *sorted(CALENDAR), "24h")


def check_policy(config: Config, faults: Faults) -> None:
    """Note in `faults` every project, budget and limit of `config` that cannot be right. No value is repeated."""
    for name, project in config.projects.items():
        _check_project(name, project, faults)
    _check_budgets(config.budgets, faults)
    _check_limits(config.limits, faults)


def _check_project(name: str, project: ProjectConfig, faults: Faults) -> None:
    path: Path = ("projects", name)
    if not is_project_name(name):
        faults.add(path, "a project's name is one printable line of 1 to 128 characters, none of / \\ % ? #")
    for at, glob in _items((*path, "models"), project.models):
        if not _holds(model_glob, glob):
            faults.add(at, "not a pattern for models: write it as openai/gpt-5* or fast, without spaces")
    for at, endpoint in _items((*path, "endpoints"), project.endpoints):
        if endpoint not in ENDPOINTS:
            faults.add(at, f"no such endpoint; {nearest(endpoint, ENDPOINTS)}")
    for at, cidr in _items((*path, "cidrs"), project.cidrs):
        if not _holds(ip_network, cidr):
            faults.add(at, "not a network: write an address and a prefix, no bits set behind it, as 10.0.0.0/8")
    check_tags(project.tags, (*path, "tags"), faults)


def is_project_name(name: str) -> bool:
    """Whether a project may be called so."""
    return _holds(lambda text: label("name", text), name) and NOT_IN_NAMES.isdisjoint(name)


def check_tags(tags: Collection[str], path: Path, faults: Faults) -> None:
    """Note what of the names of `tags`, which stand at `path`, cannot be right."""
    for tag in tags:
        if not tag.isprintable() or not tag.strip() or set(tag) & set("=,"):
            faults.add((*path, tag), "a tag's name is printable, without = and commas")
    if len(tags) > TAGS_MAX:
        faults.add(path, f"at most {TAGS_MAX} may be given")


def _check_budgets(budgets: tuple[BudgetConfig, ...], faults: Faults) -> None:
    seen: set[tuple[str, str]] = set()
    for index, budget in enumerate(budgets):
        path: Path = ("budgets", index)
        _check_subject(budget.on, path, faults)
        if not _holds(window, budget.window):
            hint = nearest(budget.window, WINDOWS)
            faults.add((*path, "window"), f"expected total, day, week, month, or rolling hours as 24h; {hint}")
        elif (budget.on, window(budget.window)) in seen:
            faults.add(path, "there is another budget on this, of the same window")
        else:
            seen.add((budget.on, window(budget.window)))
        exponent = budget.amount.as_tuple().exponent
        decimals = -exponent if isinstance(exponent, int) else AMOUNT_DECIMALS_MAX + 1
        if decimals > AMOUNT_DECIMALS_MAX or not 0 <= budget.amount <= AMOUNT_MAX:
            faults.add(
                (*path, "amount"),
                f'expected US dollars from "0" to "{AMOUNT_MAX}" with at most {AMOUNT_DECIMALS_MAX} decimals',
            )
        if list(budget.thresholds) != sorted(set(budget.thresholds)):
            faults.add((*path, "thresholds"), "expected ascending numbers, each once")


def _check_limits(limits: tuple[LimitConfig, ...], faults: Faults) -> None:
    seen: set[str] = set()
    for index, limit in enumerate(limits):
        path: Path = ("limits", index)
        _check_subject(limit.on, path, faults)
        if limit.on in seen:
            faults.add((*path, "on"), "there is another limit on this")
        seen.add(limit.on)
        if limit.requests_per_min is limit.tokens_per_min is limit.concurrency is None:
            faults.add(path, "limits nothing; known are requests_per_min, tokens_per_min, concurrency")


def _check_subject(text: str, path: Path, faults: Faults) -> None:
    if not _holds(subject, text):
        word, colon, _ = text.partition(":")
        expected = "organisation, project:NAME, user:NAME, service-account:NAME, key:ID, model:GLOB or tag:NAME=VALUE"
        faults.add((*path, "on"), f"expected {expected}; {nearest(word + colon, SUBJECTS)}")


def _holds(read: Callable[[str], object], text: str) -> bool:
    """Whether `read` can read `text`."""
    try:
        read(text)
    except ValueError:
        return False
    return True


def _items(path: Path, values: Collection[str]) -> Iterator[tuple[Path, str]]:
    """Each of `values` with its path: its position is told only where there are several."""
    for index, value in enumerate(values):
        yield (path if len(values) == 1 else (*path, index)), value
