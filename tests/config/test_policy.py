"""Projects, budgets and limits in the file: what may be written, and what is said about all else."""

from decimal import Decimal

import pytest

from keywright.config import BudgetConfig, LimitConfig, ProjectConfig, parse
from keywright.core.errors import ConfigError


def test_a_file_may_declare_projects_budgets_and_limits() -> None:
    config = parse("""
[projects.search]
title = "Search"
models = ["openai/*", "fast"]
endpoints = "chat"
cidrs = ["10.0.0.0/8", "2001:db8::/32"]
allow_unpriced = true
tags = { team = "core" }
[[budgets]]
on = "project:search"
amount = "12.50"
window = "day"
thresholds = [50, 90]
[[budgets]]
on = "organisation"
amount = "100"
window = "24h"
soft = true
[[limits]]
on = "model:openai/*"
requests_per_min = 60
concurrency = 4
""")
    assert config.projects["search"] == ProjectConfig(
        title="Search",
        models=("openai/*", "fast"),
        endpoints=("chat",),
        cidrs=("10.0.0.0/8", "2001:db8::/32"),
        allow_unpriced=True,
        tags={"team": "core"},
    )
    assert config.budgets == (
        BudgetConfig(on="project:search", amount=Decimal("12.50"), window="day", thresholds=(50, 90)),
        BudgetConfig(on="organisation", amount=Decimal(100), window="24h", soft=True),
    )
    assert config.limits == (LimitConfig(on="model:openai/*", requests_per_min=60, concurrency=4),)


@pytest.mark.parametrize(
    ("text", "line", "said"),
    [
        (
            '[projects.a]\nendpoints = ["chat", "embedings"]',
            2,
            "projects.a.endpoints[1]: no such endpoint; did you mean",
        ),
        ('[projects.a]\ncidrs = "10.0.0.1/8"', 2, "projects.a.cidrs: not a network"),
        ('[projects.a]\nmodels = ["two words"]', 2, "projects.a.models: not a pattern"),
        ('[projects.a]\nmodel = "x"', 2, "projects.a.model: unknown key; did you mean models?"),
        ('[projects." a"]', 1, "a project's name is"),
        ('[projects."a/b"]', 1, "a project's name is"),
        ('[projects.a]\ntags = { "a=b" = "c" }', 2, "a tag's name is"),
        ('[[budgets]]\non = "projekt:a"\namount = "1"\nwindow = "day"', 2, "budgets[0].on: expected organisation"),
        ('[[budgets]]\non = "projekt:a"\namount = "1"\nwindow = "day"', 2, "did you mean project:?"),
        ('[[budgets]]\non = "organisation"\namount = 1.5\nwindow = "day"', 3, "expected a decimal string"),
        ('[[budgets]]\non = "organisation"\namount = "-1"\nwindow = "day"', 3, "expected US dollars"),
        ('[[budgets]]\non = "organisation"\namount = "0.0000000000001"\nwindow = "day"', 3, "at most 12 decimals"),
        ('[[budgets]]\non = "organisation"\namount = "NaN"\nwindow = "day"', 3, "expected US dollars"),
        ('[[budgets]]\non = "organisation"\namount = "1"\nwindow = "dai"', 4, "did you mean day?"),
        ('[[budgets]]\non = "organisation"\nwindow = "day"', 1, "amount is missing"),
        (
            '[[budgets]]\non = "organisation"\namount = "1"\nwindow = "day"\nthresholds = [80, 50]',
            5,
            "expected ascending numbers",
        ),
        (
            2 * '[[budgets]]\non = "organisation"\namount = "1"\nwindow = "day"\n',
            5,
            "another budget",
        ),
        ('[[limits]]\non = "organisation"', 1, "limits nothing"),
        ('[[limits]]\non = "organisation"\nconcurrency = 0', 3, "limits[0].concurrency: expected"),
        ('[[limits]]\non = "key:a"\nconcurrency = 1\n[[limits]]\non = "key:a"\nconcurrency = 1', 5, "another limit"),
    ],
)
def test_a_fault_is_told_with_its_line_and_without_the_value(text: str, line: int, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert said in str(caught.value)
    assert f"keywright.toml:{line}: " in str(caught.value)
    for value in ("projekt:a", "two words", "10.0.0.1/8"):
        assert value not in str(caught.value)
