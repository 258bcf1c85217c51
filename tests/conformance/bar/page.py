"""The figures as a section to read."""

from collections import Counter

from tests.conformance.bar import figures
from tests.conformance.bar.recordings import exchanges, files
from tests.conformance.bar.targets import targets

NAMES = {"openai": "`openai`", "anthropic": "`anthropic`", "google-genai": "`google-genai`"}
WAYS = {"up": "requests, up", "whole": "whole answers, back", "streamed": "streams, back"}
ANSWERS = """\
Answers of foreign providers, whole and streamed, given to three clients: what the real SDK then holds is compared with
the recorded answer as it is read by hand. Text, tool calls, finish, input, output and cached tokens must all be the
same."""

REQUESTS = """\
Of {recorded} recorded requests of chats {refused} were refused by their own provider as malformed, and {strange} are
of another API; the other {asked} are asked of every dialect that is not their own. A request is carried when what is
sent is valid by the target's published schema, and everything that was said stands in it: each text, all data, every
call and tool. Left out are those that say what the target has no words for: each is refused, the refusal names the
field, and what stands there is indeed beyond it."""

VERBATIM = """\
In the provider's own dialect, byte for byte: up but for the model's name and the flag that asks for usage, back but for
that usage, where the client had not asked for it."""

REST = """\
Of all {total} exchanges {errors} are errors, of which {right} are read as the kind that they are. The answers that are
no chats:"""

PATHS = {
    "native": "`/native/`: other versions of an API, single models, caches, batches and conversations of its own",
    "batches": "`/v1/batches`, passed on",
    "moderations": "`/v1/moderations`, passed on",
    "responses_items": "`/v1/responses/…`, passed on",
}


def section() -> str:
    """All of it, as Markdown."""
    return "\n".join([*_answers(), "", *_requests(), "", *_verbatim(), "", *_rest(), ""])


def _answers() -> list[str]:
    lines = [
        ANSWERS,
        "",
        "| client | answers | exact | % |",
        "|---|---|---|---|",
    ]
    shares = figures.answers()
    for client, name in NAMES.items():
        share = shares[client]
        lines.append(f"| {name} | {share.all} | {share.good} | {_percent(share)} |")
    reasons: dict[str, dict[str, int]] = {}
    for client, share in shares.items():
        for reason, count in share.reasons.items():
            reasons.setdefault(reason, {})[client] = count
    lines += ["", "Not exact:", ""]
    return lines + [f"- {reason}: {_counts(by_client)}" for reason, by_client in sorted(reasons.items())]


def _requests() -> list[str]:
    counted, carriages = figures.requests(), figures.carriages()
    judged = [target.dialect for target in targets() if target.judged]
    lines = [
        REQUESTS.format(
            recorded=counted.recorded, refused=counted.refused, strange=counted.strange, asked=counted.asked
        ),
        "",
        "| to | asked | beyond it | others | carried | % | of these a setting dropped, which is told |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in judged:
        share, beyond = carriages[name].share, carriages[name].beyond
        whole = share.all + beyond
        figure = f"{share.all} | {share.good} | {_percent(share)}"
        lines.append(f"| {name} | {whole} | {beyond} | {figure} | {carriages[name].dropped} |")
    kinds = sorted({kind for name in judged for kind in carriages[name].kinds})
    lines += ["", f"| beyond it: requests with | {' | '.join(judged)} |", "|---" * (len(judged) + 1) + "|"]
    for kind in kinds:
        lines.append(f"| {kind} | {' | '.join(str(carriages[name].kinds[kind]) for name in judged)} |")
    misses = Counter(
        {f"{reason} (to {name})": n for name in judged for reason, n in carriages[name].share.reasons.items()}
    )
    lines += ["", "Neither carried nor beyond:", ""]
    lines += [f"- {reason}: {count}" for reason, count in sorted(misses.items())]
    lines += ["", "To the other dialects, where it is not judged whether a refusal is due:", ""]
    lines += ["| to | carried | refused, naming the field | neither |", "|---|---|---|---|"]
    for name, carriage in carriages.items():
        if name not in judged:
            share = carriage.share
            lines.append(f"| {name} | {share.good} | {carriage.beyond} | {share.all - share.good} |")
    return lines


def _verbatim() -> list[str]:
    lines = [
        VERBATIM,
        "",
        "| bodies | passed | exact | % |",
        "|---|---|---|---|",
    ]
    shares = figures.verbatim()
    for way, title in WAYS.items():
        lines.append(f"| {title} | {shares[way].all} | {shares[way].good} | {_percent(shares[way])} |")
    reasons = [(reason, count) for share in shares.values() for reason, count in share.reasons.items()]
    return [*lines, "", "Not exact:", "", *(f"- {reason}: {count}" for reason, count in reasons)]


def _rest() -> list[str]:
    told, rest = figures.told_apart(), figures.rest()
    total = sum(len(exchanges(file)) for file in files())
    lines = [
        REST.format(total=total, errors=told.all, right=told.good),
        "",
        "| way | answers | read as by hand |",
        "|---|---|---|",
    ]
    for (way, read), share in sorted(rest.items(), key=lambda item: (not item[0][1], item[0][0])):
        title = f"`{way}`" if read else PATHS[way]
        lines.append(f"| {title} | {share.all} | {share.good if read else 'passed on'} |")
    return lines


def _percent(share: figures.Share) -> str:
    """With two places, never rounded up."""
    return f"{int(share.percent * 100) / 100:.2f}"


def _counts(by_client: dict[str, int]) -> str:
    return ", ".join(f"{by_client[client]} for {name}" for client, name in NAMES.items() if client in by_client)
