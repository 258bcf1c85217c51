"""`keywright chat`: a conversation in the terminal with a model behind the running gateway."""

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Annotated, Final

import typer

from keywright.cli.errors import CommandError
from keywright.cli.options import JsonFlag
from keywright.cli.screen import DIM, console, emit_json, printable
from keywright.core.errors import ConfigError, KeywrightError

if TYPE_CHECKING:
    from keywright.cli.gateway import Client, Message, Reply

EXAMPLE: Final = 'Example: keywright chat --model openai/gpt-5-mini "Why is the sky blue?"'
PIPED_CHARACTERS_MAX: Final = 4 * 1024 * 1024
MODELS_SHOWN_MAX: Final = 3
PROMPT: Final = "> "


def chat(
    message: Annotated[
        str | None, typer.Argument(help="Ask this and end. Without it: what is piped in, or a conversation.")
    ] = None,
    *,
    model: Annotated[str | None, typer.Option(help="Who answers (else the gateway's only model or first alias).")] = (
        None
    ),
    system: Annotated[str | None, typer.Option(metavar="TEXT", help="How the model shall behave.")] = None,
    json: JsonFlag = False,
) -> None:
    """Talk to a model through the running gateway. Ctrl-C stops an answer, Ctrl-D leaves."""
    if message is None and not sys.stdin.isatty():
        message = _piped()
    _require_words(message, system, model)
    if message is None and json:
        raise typer.BadParameter("--json needs a message", param_hint="--json")
    with asyncio.Runner() as runner:
        talk = runner.run(_begin(model, system))
        try:
            if message is None:
                _converse(runner, talk)
            elif json:
                emit_json(_as_json(runner.run(talk.ask_whole(message))))
            else:
                _show(runner.run(talk.ask(message)))
        finally:
            runner.run(talk.client.aclose())


class Talk:
    """A conversation with `model`. What has been said so far goes up with each question."""

    def __init__(self, client: "Client", model: str, said: "list[Message]") -> None:
        self.client = client
        self.model = model
        self._said = said

    async def ask(self, text: str) -> "Reply":
        """Ask, and write the answer to standard output as it comes. A stopped answer counts as far as it came."""
        from keywright.cli.gateway import Message, Question

        question = (*self._said, Message("user", text))
        pieces: list[str] = []

        def say(piece: str) -> None:
            pieces.append(piece)
            sys.stdout.write(printable(piece))
            sys.stdout.flush()

        try:
            reply = await self.client.stream(Question(self.model, question), say)
        finally:
            if pieces:
                self._said = [*question, Message("assistant", "".join(pieces))]
                sys.stdout.write("\n")
                sys.stdout.flush()
        return reply

    async def ask_whole(self, text: str) -> "Reply":
        """Ask, and return the answer when it is complete."""
        from keywright.cli.gateway import Message, Question

        return await self.client.ask(Question(self.model, (*self._said, Message("user", text))))


async def _begin(model: str | None, system: str | None) -> Talk:
    from keywright.cli.gateway import Client, Message, gateway_of

    client = Client(gateway_of(os.environ))
    said = [] if system is None else [Message("system", system)]
    try:
        return Talk(client, model or _only(await client.models()), said)
    except BaseException:
        await client.aclose()
        raise


def _converse(runner: asyncio.Runner, talk: Talk) -> None:
    """Question and answer in turns, until the person leaves with Ctrl-D."""
    import readline  # noqa: F401 - with it, `input` edits lines and remembers them

    screen = console(stderr=True)
    screen.print(f"{talk.model}: Ctrl-C stops an answer, Ctrl-D leaves", style=DIM)
    while True:
        try:
            text = input(PROMPT).strip()
        except EOFError:
            screen.print()
            return
        if not text:
            continue
        try:
            _show(runner.run(talk.ask(text)))
        except KeyboardInterrupt:
            screen.print("(stopped)", style=DIM)
        except KeywrightError as error:
            screen.print(printable(str(error)), style="red")


def _show(reply: "Reply") -> None:
    """The line under an answer; on standard error, so that a pipe holds the answer alone."""
    facts = [reply.model]
    if reply.usage is not None:
        facts.append(f"{reply.usage.input_total} tokens in, {reply.usage.output_total} out")
    if reply.cost_usd is not None:
        facts.append(f"${reply.cost_usd}")
    if reply.finish not in (None, "stop"):
        facts.append(f"ended by {reply.finish}")
    console(stderr=True).print(printable(" · ".join(facts)), style=DIM)


def _as_json(reply: "Reply") -> dict[str, str | int | None]:
    return {
        "model": reply.model,
        "text": reply.text,
        "finish": reply.finish,
        "input_tokens": None if reply.usage is None else reply.usage.input_total,
        "output_tokens": None if reply.usage is None else reply.usage.output_total,
        "cost_usd": reply.cost_usd,
        "request_id": reply.request_id,
    }


def _piped() -> str:
    text = sys.stdin.read(PIPED_CHARACTERS_MAX + 1)
    if len(text) > PIPED_CHARACTERS_MAX:
        raise CommandError(f"more than {PIPED_CHARACTERS_MAX} characters were piped in")
    return text


def _require_words(message: str | None, *others: str | None) -> None:
    """Return when there is something to ask, and nothing of it is other than text.

    Raises:
        ConfigError: the message is empty, or it holds bytes that are no UTF-8 (half characters in Python).
    """
    if message is not None and not message.strip():
        raise ConfigError("there is nothing to ask: give a message, or pipe one in")
    for text in (message, *others):
        try:
            (text or "").encode()
        except UnicodeEncodeError:
            raise ConfigError("only UTF-8 text can be asked, and this is none") from None


def _only(models: tuple[str, ...]) -> str:
    """The model that is meant when none is named: the first alias, or the only one there is."""
    aliases = [name for name in models if "/" not in name]
    if aliases:
        return aliases[0]
    if len(models) == 1:
        return models[0]
    if not models:
        raise CommandError("the gateway lists no model for this key: name one with --model")
    some = ", ".join(models[:MODELS_SHOWN_MAX])
    raise ConfigError(f"name a model with --model: {some}… (`keywright models` lists all {len(models)})")
