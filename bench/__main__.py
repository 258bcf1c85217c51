"""`python -m bench`: choose what to measure, measure it, print it.

Exit status: 0 measured; 1 a measurement could not be made; 2 something is to be installed first; 130 interrupted.
"""

import argparse
import contextlib
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from rich.console import Console

from bench.errors import BenchError, MissingToolError
from bench.features import features
from bench.footprint import footprint
from bench.growth import growth
from bench.install import install
from bench.lab import PROGRAMS, Effort, Lab, open_lab
from bench.latency import latency
from bench.machine import this_machine
from bench.report import Report, save, show, summarise
from bench.sample import Case, Sample, rounds
from bench.saturation import saturation
from bench.streaming import streaming

DOCS: Final = Path(__file__).resolve().parents[1] / "docs"
QUICK: Final = Effort(rounds=1, seconds=1, streams_open=200)
ROUNDS_MAX: Final = 100
SECONDS_MAX: Final = 60


class Question(Struct, frozen=True):
    """`ask` sets up and gives the cases; `rounds_max` where asking again gives the same answer."""

    ask: Callable[[Lab], AbstractContextManager[tuple[Case, ...]]]
    rounds_max: int = ROUNDS_MAX
    quick: bool = True


QUESTIONS: Final = {
    "saturation": Question(saturation),
    "latency": Question(latency),
    "streaming": Question(streaming),
    "footprint": Question(footprint),
    "growth": Question(growth),
    "features": Question(features),
    "install": Question(install, rounds_max=1, quick=False),
}


def main(arguments: Sequence[str]) -> int:
    """Run the benchmark; the exit status."""
    options = parser().parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        report = measured(options)
    except MissingToolError as error:
        say(str(error))
        return 2
    except BenchError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("interrupted; everything is stopped")
        return 130
    encoded = msgspec.json.format(msgspec.json.encode(report))
    if options.json:
        print(encoded.decode())
    else:
        show(report, Console())
    if options.save:
        for path in save(report, encoded, DOCS):
            say(f"wrote {path}")
    return 0


def measured(options: argparse.Namespace) -> Report:
    """All that was chosen, measured."""
    effort = QUICK if options.quick else Effort(rounds=options.rounds, seconds=options.seconds)
    chosen = options.only or [name for name, question in QUESTIONS.items() if question.quick or not options.quick]
    machine = this_machine()
    samples: list[Sample] = []
    with open_lab(options.targets or PROGRAMS, effort) as lab:
        for name in chosen:
            question = QUESTIONS[name]
            with question.ask(lab) as cases:
                samples.extend(rounds(name, cases, min(effort.rounds, question.rounds_max), say))
    return Report(machine=machine, rounds=effort.rounds, seconds=effort.seconds, rows=summarise(samples))


def parser() -> argparse.ArgumentParser:
    """What the command takes."""
    made = argparse.ArgumentParser(prog="python -m bench", description="Measure Keywright with nginx as the limit.")
    made.add_argument("--only", choices=QUESTIONS, action="append", help="ask only this (again for more)")
    made.add_argument("--targets", choices=PROGRAMS, action="append", help="measure only this (again for more)")
    made.add_argument("--rounds", type=bounded(ROUNDS_MAX), default=Effort().rounds, help="how often (default 5)")
    made.add_argument("--seconds", type=bounded(SECONDS_MAX), default=Effort().seconds, help="how long (default 3)")
    made.add_argument("--quick", action="store_true", help="one round of one second, no installation: does it work?")
    made.add_argument("--json", action="store_true", help="print one JSON document instead of tables")
    made.add_argument("--save", action="store_true", help="write docs/performance.json and the table beside it")
    return made


def bounded(most: int) -> Callable[[str], int]:
    """Reads a whole number from 1 to `most`."""

    def whole(text: str) -> int:
        value = int(text)
        if not 1 <= value <= most:
            raise argparse.ArgumentTypeError(f"{value} is not between 1 and {most}")
        return value

    return whole


def say(text: str) -> None:
    """Progress and errors, on standard error."""
    print(f"bench: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
