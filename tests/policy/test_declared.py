"""Rules in the file count for a running gateway: from its start, when the file changes, and no longer when they go."""

import time
from collections.abc import Callable

from tests.gateway import Gateway, Start

WITHIN_S = 8.0
PROJECT = '[projects.default]\nmodels = ["openai/gpt-4o*"]\n'
BUDGET = '[[budgets]]\non = "project:default"\namount = "0"\nwindow = "day"\n'


def until(holds: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def rewrite(gateway: Gateway, change: Callable[[str], str]) -> None:
    path = gateway.folder / "keywright.toml"
    path.write_text(change(path.read_text()))


def test_a_declared_project_and_budget_count_from_the_start(start: Start) -> None:
    gateway = start(PROJECT + BUDGET)
    refused = gateway.chat("anthropic/claude-haiku-4-5", key=gateway.issue())
    assert gateway.entry(refused.request_id).decision == "project:models"
    answer = gateway.chat("openai/gpt-4o", key=gateway.issue())
    assert (answer.status, answer.code) == (402, "budget_exceeded")
    assert gateway.entry(answer.request_id).decision.startswith("budget:declared-")


def test_a_rule_that_is_written_into_the_file_counts_and_one_that_is_taken_out_does_not(start: Start) -> None:
    gateway = start(watch=True)
    key = gateway.issue()
    assert gateway.chat("openai/gpt-4o", key=key).status == 200
    rewrite(gateway, lambda text: text + BUDGET)
    assert until(lambda: gateway.chat("openai/gpt-4o", key=key).status == 402)
    rewrite(gateway, lambda text: text.replace(BUDGET, ""))
    assert until(lambda: gateway.chat("openai/gpt-4o", key=key).status == 200)


def test_taking_a_project_out_of_the_file_lets_its_keys_do_no_more(start: Start) -> None:
    gateway = start(PROJECT, watch=True)
    key = gateway.issue()
    assert gateway.chat("anthropic/claude-haiku-4-5", key=key).code == "model_not_allowed"
    rewrite(gateway, lambda text: text.replace(PROJECT, ""))
    assert until(lambda: not gateway.house.snapshot.realm.projects["default"].declared)
    assert gateway.chat("anthropic/claude-haiku-4-5", key=key).code == "model_not_allowed"
