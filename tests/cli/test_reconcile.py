"""`usage reconcile`: the ledger against the providers' own figures, over HTTP, as the providers describe it."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from keywright.core.entry import Entry, Outcome, UsageSource
from keywright.core.money import from_usd
from keywright.core.usage import Usage
from keywright.store import Store
from tests.cli.shell import Done, Shell
from tests.conftest import shared_dir
from tests.reconcile import standin
from tests.reconcile.standin import ADMIN_KEY, BillingStandIn, Use, started, yesterday

KEY = "sk-live-abc-0123456789-wxyz"
OTHER_KEY = "sk-live-other-9876543210-zyxw"
FINGERPRINT = sha256(KEY.encode()).hexdigest()[:12]
YESTERDAY = yesterday()
NOON_US = int(datetime(YESTERDAY.year, YESTERDAY.month, YESTERDAY.day, 12, tzinfo=UTC).timestamp()) * 10**6


@dataclass
class Case:
    """One provider: its stand-in, its id of our key and of another, and its names of the models."""

    kind: str
    cloud: BillingStandIn
    key: str
    other: str
    model: str
    served: str
    second: str
    calls: bool = True
    cost_by_key: bool = True


def specs() -> Path:
    return shared_dir("specs")


MAKERS: dict[str, Callable[[Path], BillingStandIn]] = {
    "openai": standin.openai,
    "anthropic": standin.anthropic,
    "openrouter": standin.openrouter,
}


@pytest.fixture(params=list(MAKERS))
def case(request: pytest.FixtureRequest) -> Iterator[Case]:
    yield from make_case(request.param)


@pytest.fixture
def openai() -> Iterator[Case]:
    yield from make_case("openai")


@pytest.fixture
def anthropic() -> Iterator[Case]:
    yield from make_case("anthropic")


def make_case(kind: str) -> Iterator[Case]:
    for cloud in started(MAKERS[kind], specs()):
        hashes = [sha256(text.encode()).hexdigest() for text in (KEY, OTHER_KEY)]
        case = {
            "openai": Case("openai", cloud, "key_1", "key_2", "gpt-4o-2024-08-06", "gpt-4o", "gpt-4o-mini-2024-07-18"),
            "anthropic": Case(
                "anthropic",
                cloud,
                "apikey_1",
                "apikey_2",
                "claude-haiku-4-5-20251001",
                "claude-haiku-4-5",
                "claude-9",
                False,
                False,
            ),
            "openrouter": Case("openrouter", cloud, hashes[0], hashes[1], "openai/gpt-4.1", "openai/gpt-4.1", "x/y"),
        }[kind]
        cloud.ledger.keys = {case.key: "sk-live-a...wxyz", case.other: "sk-live-o...zyxw"}
        yield case


def configured(shell: Shell, case: Case, *lines: str) -> None:
    (shell.folder / "keywright.toml").write_text(
        f'[providers.edge]\nkind = "{case.kind}"\nbase_url = "{case.cloud.base_url}"\napi_key = "env:EDGE_KEY"\n'
        + "".join(f"{line}\n" for line in (lines or ('admin_key = "env:EDGE_ADMIN"',)))
    )
    shell.variables.update(EDGE_KEY=KEY, EDGE_ADMIN=ADMIN_KEY)


def entry(
    number: int,
    model: str,
    tokens: tuple[int, int],
    usd: str,
    *,
    credential: str = FINGERPRINT,
    outcome: Outcome = "ok",
    source: UsageSource = "provider",
    at_us: int = NOON_US,
) -> Entry:
    return Entry(
        id=f"req_{number}",
        started_us=at_us,
        key_id="k",
        project="default",
        dialect="openai_chat",
        endpoint="chat",
        model="fast",
        outcome=outcome,
        status=200,
        served=f"edge/{model}" if model else "",
        provider="edge" if model else "",
        credential=credential,
        usage=Usage(input=tokens[0], output=tokens[1]),
        usage_source=source,
        cost_picodollars=from_usd(usd),
    )


def record(shell: Shell, *entries: Entry) -> None:
    async def write() -> None:
        store = await Store.open(f"sqlite:///{shell.folder}/keywright.db")
        await store.write_entries(entries)
        await store.close()

    asyncio.run(write())


def use(case: Case, *uses: Use) -> None:
    case.cloud.ledger.uses[YESTERDAY.isoformat()] = list(uses)


def reconcile(shell: Shell, *words: str) -> Done:
    return shell.run("usage", "reconcile", "--provider", "edge", *words)


def models(found: Any) -> dict[str, Any]:
    return {line["model"]: line for line in found["models"]}


def test_what_agrees_has_no_drift_whatever_the_models_are_called(shell: Shell, case: Case) -> None:
    configured(shell, case)
    use(
        case,
        Use(case.model, case.key, 2, 300, 30, "0.004", cached=80),
        Use(case.second, case.key, 1, 7, 5, "0.001"),
        Use(case.second, case.key, 1, 3, 5, "0.001"),
    )
    record(
        shell,
        entry(1, case.served, (100, 10), "0.001"),
        entry(2, case.model, (200, 20), "0.003"),
        entry(3, case.second, (10, 10), "0.002"),
        entry(4, case.served, (999, 999), "9", at_us=NOON_US - 12 * 3600 * 10**6 - 1),
        entry(5, case.served, (0, 0), "0", outcome="failed"),
    )
    done = reconcile(shell, "--json", "--tolerance", "0")
    found = done.json
    assert done.code == 0, found
    assert (found["exceeds"], found["partial"]) == (False, False)
    assert found["matched"][0]["fingerprint"] == FINGERPRINT
    total = found["total"]
    assert total["ledger"] == {"calls": 3, "input_tokens": 310, "output_tokens": 40, "cost_usd": "0.006"}
    assert total["provider"] == {**total["ledger"], "calls": 4 if case.calls else None}
    assert {line["side"] for line in found["models"]} == {"both"}
    assert len(found["models"]) == 2
    assert ADMIN_KEY not in done.out + done.err
    assert KEY not in done.out + done.err
    assert shell.run("usage", "reconcile", "--provider", "edge").code == 0


def test_drift_is_told_per_model_and_key_and_ends_with_three(shell: Shell, case: Case) -> None:
    configured(shell, case)
    use(case, Use(case.model, case.key, 2, 400, 30, "0.004"), Use(case.second, case.key, 1, 7, 5, "0.001"))
    record(
        shell,
        entry(1, case.served, (300, 30), "0.003", source="counted"),
        entry(2, "only-here", (10, 10), "0.002"),
        entry(3, "", (0, 0), "0.5", outcome="lost", credential="", source="worst_case"),
    )
    done = reconcile(shell, "--json")
    found = done.json
    assert done.code == 3
    assert found["exceeds"] is True
    by_side = {line["side"]: line for line in found["models"]}
    assert set(by_side) == {"both", "provider", "ledger"}
    drift = by_side["both"]["drift"]
    assert (drift["input_tokens"], drift["input_tokens_percent"]) == (-100, "-25.00")
    assert (drift["cost_usd"], drift["cost_usd_percent"]) == ("-0.001", "-25.00")
    assert by_side["both"]["counted"] == 1
    assert {line["key"] for line in found["keys"]} == {FINGERPRINT}
    assert found["lost"] == {"calls": 1, "cost_usd": "0.50"}
    assert any("lost" in note for note in found["notes"])
    assert any("counted them" in note for note in found["notes"])
    shown = reconcile(shell)
    assert shown.code == 3
    assert "400 / 300" in shown.out
    assert "-25.00 %" in shown.out
    assert reconcile(shell, "--tolerance", "1000").code == 3, "what only the ledger has is beyond any percentage"


def test_keys_that_are_not_ours_are_listed_and_no_drift(shell: Shell, case: Case) -> None:
    configured(shell, case)
    use(
        case,
        Use(case.model, case.key, 1, 100, 10, "0.001"),
        Use(case.model, case.other, 50, 5000, 500, "5"),
        Use(case.second, None, 1, 10, 10, "0.001"),
    )
    record(shell, entry(1, case.served, (100, 10), "0.001"))
    done = reconcile(shell, "--json")
    found = done.json
    assert {line["key"] for line in found["other_keys"]} == {case.other, "(no key)"}
    assert any("not the gateway's" in note for note in found["notes"])
    if case.cost_by_key:
        assert done.code == 0, found
    else:
        (line,) = (line for line in found["models"] if line["ledger"])
        assert line["model"] in found["uncompared_costs"]
        assert line["exceeds"] is False


def test_a_day_on_which_nothing_happened_is_said_so(shell: Shell, case: Case) -> None:
    configured(shell, case)
    record(shell)
    done = reconcile(shell)
    assert done.code == 0
    assert "nothing was used" in done.out


def test_a_server_that_is_busy_is_asked_again_when_it_says(shell: Shell, case: Case) -> None:
    configured(shell, case)
    record(shell, entry(1, case.served, (100, 10), "0.001"))
    use(case, Use(case.model, case.key, 1, 100, 10, "0.001"))
    case.cloud.faults = [(429, {"retry-after": "1"}), (503, {}), (500, {})]
    assert reconcile(shell).code == 0
    case.cloud.faults = [(429, {"retry-after": "3600"})]
    assert "wants to be asked later" in reconcile(shell).error


def test_a_wrong_key_is_answered_with_which_is_needed(shell: Shell, case: Case) -> None:
    configured(shell, case)
    record(shell)
    shell.variables["EDGE_ADMIN"] = "sk-wrong-0123456789"
    done = reconcile(shell)
    assert done.code == 1
    assert "refuses providers.edge.admin_key" in done.error
    assert "key" in done.error.rpartition("it wants")[2]
    assert "sk-wrong" not in done.err
    configured(shell, case, "# none")
    assert "admin_key is missing: write admin_key" in reconcile(shell).error


def test_a_key_that_is_gone_is_known_by_the_operator_s_word(shell: Shell, openai: Case) -> None:
    gone = "0123456789ab"
    use(openai, Use(openai.model, "key_gone", 1, 100, 10, "0.001"))
    record(shell, entry(1, openai.served, (100, 10), "0.001", credential=gone))
    configured(shell, openai)
    done = reconcile(shell, "--json")
    assert done.code == 3
    assert any("write key_ids" in note for note in done.json["notes"])
    configured(shell, openai, 'admin_key = "env:EDGE_ADMIN"', f'key_ids = {{ key_gone = "{gone}" }}')
    done = reconcile(shell, "--json")
    assert done.code == 0
    assert done.json["matched"] == [{"id": "key_gone", "fingerprint": gone, "by": "configured"}]


def test_two_keys_with_the_same_ends_are_not_told_apart(shell: Shell, openai: Case) -> None:
    openai.cloud.ledger.keys = {"key_1": "sk-live-a...wxyz", "key_2": "sk-live-a...wxyz"}
    use(openai, Use(openai.model, "key_1", 1, 100, 10, "0.001"), Use(openai.model, "key_2", 1, 100, 10, "0.001"))
    record(shell, entry(1, openai.served, (100, 10), "0.001"))
    configured(shell, openai)
    assert reconcile(shell, "--json").json["matched"] == []


def test_a_day_that_is_not_over_is_marked_or_refused(shell: Shell, case: Case) -> None:
    configured(shell, case)
    record(shell)
    done = reconcile(shell, "--day", "today", "--json")
    if case.kind == "openrouter":
        assert "is over at 00:00 UTC" in done.error
        assert "last 30 days" in reconcile(shell, "--day", "2024-01-01").error
    else:
        assert done.json["partial"] is True
        assert "not over" in done.json["notes"][0]


def test_embeddings_are_read_as_well(shell: Shell, openai: Case) -> None:
    configured(shell, openai)
    use(openai, Use("text-embedding-3-small", openai.key, 4, 1000, 0, "0.00002"))
    record(shell, entry(1, "text-embedding-3-small", (1000, 0), "0.00002"))
    assert reconcile(shell, "--tolerance", "0").code == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--provider", "nobody"), "nobody is not configured"),
        (("--provider", "local"), "tells no figures of its own"),
        (("--provider", "edge", "--day", "soon"), "'soon' is no day"),
        (("--provider", "edge", "--day", "2999-01-01"), "has not begun"),
        (("--provider", "edge", "--tolerance", "x"), "no percentage"),
        (("--provider", "edge", "--tolerance", "-1"), "no percentage"),
    ],
)
def test_a_question_that_makes_no_sense_is_one_line(shell: Shell, words: tuple[str, ...], said: str) -> None:
    (shell.folder / "keywright.toml").write_text(
        '[providers.edge]\nkind = "openai"\napi_key = "env:A"\nadmin_key = "env:A"\n'
        '[providers.local]\nkind = "ollama"\n'
    )
    assert said in shell.run("usage", "reconcile", *words).error
