"""The command line: one file per command group.

| module | question |
|---|---|
| `program` | which commands are there, and what does a failure look like? |
| `options`, `words` | which options do several commands have, and what do their words mean to the API? |
| `api` | how is the administration API asked, over the network or on the store at hand? |
| `nearest`, `making` | which name may have been meant, and what is made along with a key? |
| `screen`, `charts` | how does something reach the terminal, a pipe or a program? |
| `place` | which configuration and which store does a command act on? |
| `gateway` | how is a running gateway asked, as any client asks it? |
| `listening`, `banner`, `logs` | how does a house become a gateway, what is said about it, what does it log? |
| `workers` | how do several processes become one gateway? |
| the others | the command of that name |

`--help` has to be there at once, so a command imports what it needs when it runs.
"""

import sys

__all__ = ["main"]


def main() -> None:
    """Run the program with the words it was called with, and end. Ctrl-C while it is being loaded ends it, too."""
    try:
        from keywright.cli import program
    except KeyboardInterrupt:
        sys.exit(130)  # as `errors.INTERRUPTED`, which may not have been loaded yet
    program.main()
