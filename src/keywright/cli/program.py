"""The program: all its commands, and what a failure looks like: one line, no traceback, an exit code that says so."""

import os
import sys
from typing import Annotated

import typer

from keywright.cli import (
    backup,
    budget,
    chat,
    config,
    cost,
    credential,
    demo,
    explain,
    init,
    key,
    limit,
    models,
    policy,
    prices,
    project,
    provider,
    rotate,
    secret,
    service_account,
    up,
    usage,
    user,
)
from keywright.cli.errors import FAILED, INTERRUPTED, MISUSED, exit_code
from keywright.cli.faults import tell_of_faults
from keywright.cli.screen import say_error
from keywright.core.errors import KeywrightError

NAME = "keywright"


def main() -> None:
    """Run the program with the words it was called with, and end."""
    tell_of_faults(_without_keys)
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:  # the reader has left, or a disk is full, which was told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the interpreter flushes once more at its end
        code = code or FAILED
    sys.exit(code)


def run(words: list[str]) -> int:
    """Do what `words` say. Returns the exit code."""
    try:
        code = program()(words, prog_name=NAME, standalone_mode=False)
    except KeywrightError as error:
        say_error(str(error))
        return exit_code(error)
    except typer.TyperException as error:
        say_error(_usage(error))
        return MISUSED
    except typer.Abort:
        say_error("nothing was done")
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except OSError as error:
        say_error(f"{error.filename or 'the output'}: {error.strerror}")
        return FAILED
    return code if isinstance(code, int) else 0


def _without_keys(text: str) -> str:
    """`text` without what looks like a key."""
    from keywright.core.redaction import hide_forms

    return hide_forms(text)


def program() -> typer.Typer:
    """All commands."""
    app = typer.Typer(
        name=NAME,
        help="One door to every LLM, and one place for every key.",
        epilog="Start with: keywright demo, or keywright up",
        add_completion=False,
        pretty_exceptions_enable=False,
        invoke_without_command=True,
        callback=_root,
    )
    app.command("up", epilog=up.EXAMPLE)(up.up)
    app.command("serve", epilog=up.EXAMPLE, hidden=True)(up.up)
    app.command("demo", epilog=demo.EXAMPLE)(demo.demo)
    app.command("init", epilog=init.EXAMPLE)(init.init)
    app.add_typer(config.commands())
    app.add_typer(project.commands())
    app.add_typer(user.commands())
    app.add_typer(service_account.commands())
    app.add_typer(key.commands())
    app.add_typer(budget.commands())
    app.add_typer(limit.commands())
    app.add_typer(provider.commands())
    app.add_typer(credential.commands())
    app.add_typer(secret.commands())
    app.command("rotate", epilog=rotate.EXAMPLE)(rotate.rotate)
    app.add_typer(prices.commands())
    app.command("models", epilog=models.EXAMPLE)(models.models)
    app.command("chat", epilog=chat.EXAMPLE)(chat.chat)
    app.add_typer(usage.commands())
    app.command("cost", epilog=cost.EXAMPLE)(cost.cost)
    app.command("backup", epilog=backup.BACKUP_EXAMPLE)(backup.backup)
    app.command("restore", epilog=backup.RESTORE_EXAMPLE)(backup.restore)
    app.command("explain", epilog=explain.EXAMPLE)(explain.explain)
    app.add_typer(policy.commands())
    return app


def _root(
    context: typer.Context,
    *,
    wants_version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    if wants_version:
        from importlib.metadata import version

        typer.echo(f"{NAME} {version(NAME)}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


def _usage(error: typer.TyperException) -> str:
    """One line: what is wrong with the words, and where to read what is right."""
    message = " ".join(error.format_message().split())
    context = getattr(error, "ctx", None)
    return message if context is None else f"{message} (see: {context.command_path} --help)"
