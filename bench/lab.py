"""Everything that a measurement needs, running: upstreams on the load core, programs on the other."""

import contextlib
import resource
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from bench import gateway, nginx
from bench.cores import CORES_WANTED, Cores, choose
from bench.errors import BenchError
from bench.load import find_wrk
from bench.process import await_listening, free_port, running
from bench.target import Program, Target, require_answer
from bench.upstreams import PACED, SLOW, Pace, Upstreams

START_S: Final = 10.0
DESCRIPTORS_WANTED: Final = 16_384


class Effort(Struct, frozen=True):
    """How long to look: every case `rounds` times, interleaved, `seconds` each."""

    rounds: int = 5
    seconds: int = 3
    streams_open: int = 2_000


class Lab(Struct, frozen=True):
    """The place. `programs` are what is compared, the limit first."""

    cores: Cores
    folder: Path
    upstreams: Upstreams
    programs: tuple[Program, ...]
    effort: Effort

    def new_folder(self, name: str) -> Path:
        """An empty folder for `name`."""
        return Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.folder))

    @contextlib.contextmanager
    def targets(self) -> Iterator[tuple[Target, ...]]:
        """All programs, prepared and running, each known to answer rightly on every lane."""
        with contextlib.ExitStack() as stack:
            found = []
            for program in self.programs:
                target = stack.enter_context(program.prepare(self.new_folder(program.name))())
                for call in target.calls.values():
                    require_answer(target.name, call)
                found.append(target)
            yield tuple(found)

    def direct(self) -> Target:
        """The upstreams themselves: what a call takes with nothing in between."""
        ports = {"/paced": self.upstreams.paced, "/slow": self.upstreams.slow}
        calls = {}
        for lane, call in nginx.calls(self.upstreams.fixed).items():
            prefix = next((prefix for prefix in ports if call.path.startswith(prefix)), "")
            port = ports.get(prefix, self.upstreams.fixed)
            calls[lane] = type(call)(port, call.path.removeprefix(prefix), call.body, call.headers, call.expected)
        return Target(name="direct", pid=None, calls=calls)


PROGRAMS: Final = ("nginx", gateway.NAME)


@contextlib.contextmanager
def open_lab(names: Sequence[str], effort: Effort) -> Iterator[Lab]:
    """Start the upstreams; the programs of `names` are started by whoever measures them. All is stopped on leaving.

    Raises MissingToolError when nginx or wrk is not installed.
    """
    find_wrk()
    nginx.find_nginx()
    if gateway.NAME in names:
        gateway.find_keywright()
    raise_descriptor_limit()
    cores = choose()
    if cores.load == cores.program:
        print(f"bench: fewer than {CORES_WANTED} cores: load and program share one", file=sys.stderr)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="keywright-bench-")))
        fixed_folder = folder / "upstream"
        fixed_folder.mkdir()
        upstreams = Upstreams(
            fixed=stack.enter_context(nginx.fixed_upstream(cores.load, fixed_folder)),
            paced=stack.enter_context(_paced_upstream(cores.load, folder / "paced.log", PACED)),
            slow=stack.enter_context(_paced_upstream(cores.load, folder / "slow.log", SLOW)),
        )
        known = (nginx.reverse_proxy(cores.program, upstreams), gateway.gateway(cores.program, upstreams))
        programs = tuple(program for program in known if program.name in names)
        yield Lab(cores=cores, folder=folder, upstreams=upstreams, programs=programs, effort=effort)


@contextlib.contextmanager
def _paced_upstream(core: int, log: Path, pace: Pace) -> Iterator[int]:
    port = free_port()
    command = [sys.executable, "-m", "bench.paced_upstream", str(port), str(pace.gap_us), str(pace.chunks)]
    with running(command, core, log) as process:
        await_listening(process, port, log, START_S)
        yield port


def raise_descriptor_limit() -> None:
    """Let this process and its children open as many files as 2,000 streams through a gateway need."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS_WANTED if hard == resource.RLIM_INFINITY else min(DESCRIPTORS_WANTED, hard)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    if wanted < DESCRIPTORS_WANTED // 2:
        raise BenchError(f"the limit of open files is {wanted}; raise it (ulimit -n {DESCRIPTORS_WANTED})")
