"""How a conversation becomes one prompt, for models that are given a text to continue.

A template is data: what stands before and after each speaker's words, and what makes the model go on. A prompt that a
client wrote by a template is read back into turns; any other is what the user says, as it is, and is sent on as it is.

The marks of a template mean something only to its own models, and there anybody who can write them can put words into
another's mouth: they are taken out of texts, and a loss says so.
"""

from typing import Final

from msgspec import Struct

from keywright.core.message import Role, Text, Turn


class Marks(Struct, frozen=True):
    """What stands before and after a speaker's words."""

    before: str
    after: str


class Template(Struct, frozen=True):
    """`begin`: the prompt's beginning. `ask`: what makes the model answer. `inside`: system text stands with the first
    words of the user, in marks of its own. `special`: marks that may not stand in a text. `plain`: one turn of a user
    needs no marks at all. `readable`: whether turns can be told from a prompt again.
    """

    begin: str
    system: Marks
    user: Marks
    assistant: Marks
    ask: str = ""
    inside: bool = False
    special: tuple[str, ...] = ()
    plain: bool = False
    readable: bool = True


LLAMA_2: Final = Template(
    begin="<s>",
    system=Marks("<<SYS>>\n", "\n<</SYS>>\n\n"),
    user=Marks("[INST] ", " [/INST]"),
    assistant=Marks(" ", " </s><s>"),
    inside=True,
    special=("<s>", "</s>", "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>"),
)
LLAMA_3: Final = Template(
    begin="<|begin_of_text|>",
    system=Marks("<|start_header_id|>system<|end_header_id|>\n\n", "<|eot_id|>"),
    user=Marks("<|start_header_id|>user<|end_header_id|>\n\n", "<|eot_id|>"),
    assistant=Marks("<|start_header_id|>assistant<|end_header_id|>\n\n", "<|eot_id|>"),
    ask="<|start_header_id|>assistant<|end_header_id|>\n\n",
    special=("<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>", "<|eom_id|>"),
)
LLAMA_4: Final = Template(
    begin="<|begin_of_text|>",
    system=Marks("<|header_start|>system<|header_end|>\n\n", "<|eot|>"),
    user=Marks("<|header_start|>user<|header_end|>\n\n", "<|eot|>"),
    assistant=Marks("<|header_start|>assistant<|header_end|>\n\n", "<|eot|>"),
    ask="<|header_start|>assistant<|header_end|>\n\n",
    special=("<|begin_of_text|>", "<|header_start|>", "<|header_end|>", "<|eot|>", "<|eom|>"),
)
MISTRAL: Final = Template(
    begin="<s>",
    system=Marks("", "\n\n"),
    user=Marks("[INST] ", " [/INST]"),
    assistant=Marks(" ", "</s>"),
    inside=True,
    special=("<s>", "</s>", "[INST]", "[/INST]"),
)
TITAN: Final = Template(
    begin="",
    system=Marks("", "\n\n"),
    user=Marks("User: ", "\n"),
    assistant=Marks("Bot: ", "\n"),
    ask="Bot:",
    plain=True,
    readable=False,
)
COMMAND: Final = Template(
    begin="",
    system=Marks("", "\n\n"),
    user=Marks("User: ", "\n"),
    assistant=Marks("Chatbot: ", "\n"),
    ask="Chatbot:",
    plain=True,
    readable=False,
)
CLAUDE: Final = Template(
    begin="",
    system=Marks("", ""),
    user=Marks("\n\nHuman: ", ""),
    assistant=Marks("\n\nAssistant: ", ""),
    ask="\n\nAssistant:",
    readable=False,
)


def written(template: Template, spoken: list[tuple[Role, str]]) -> str:
    """The prompt in which these words are spoken."""
    if template.plain and len(spoken) == 1 and spoken[0][0] == "user":
        return spoken[0][1]
    marks = {"system": template.system, "developer": template.system, "assistant": template.assistant}
    pieces = [template.begin]
    held = ""
    for role, text in spoken:
        by = marks.get(role, template.user)
        said = f"{by.before}{text}{by.after}"
        if by is template.system and template.inside:
            held += said
        elif by is template.user and template.inside:
            pieces.append(f"{by.before}{held}{text}{by.after}")
            held = ""
        else:
            pieces.append(said)
    if held:
        pieces.append(f"{template.user.before}{held.rstrip()}{template.user.after}")
    return "".join(pieces) + template.ask


def read(template: Template, prompt: str) -> tuple[Turn, ...] | None:
    """The turns of a prompt that was written by `template`; None of any other."""
    if not template.readable or not prompt.startswith(template.begin):
        return None
    rest = prompt.removeprefix(template.begin)
    if not rest.endswith(template.ask):
        return None
    rest = rest.removesuffix(template.ask)
    speakers: list[tuple[Role, Marks]] = [("user", template.user)]
    if not template.inside:
        speakers.append(("system", template.system))
    turns: list[Turn] = []
    while rest:
        spoken = _next(rest, [*speakers, ("assistant", template.assistant)] if turns else speakers)
        if spoken is None:
            return None
        role, text, rest = spoken
        turns.append(Turn(role, (Text(text),)))
    if not turns or turns[-1].role == "assistant":
        return None
    return _with_system(template, turns)


def _next(rest: str, speakers: list[tuple[Role, Marks]]) -> tuple[Role, str, str] | None:
    """The next speaker and words, and what follows them."""
    for role, marks in speakers:
        if rest.startswith(marks.before):
            text, found, after = rest.removeprefix(marks.before).partition(marks.after)
            return (role, text, after) if found else None
    return None


def _with_system(template: Template, turns: list[Turn]) -> tuple[Turn, ...]:
    """The turns with system text that stood inside the first one as a turn of its own, where its marks tell."""
    first = turns[0].parts[0]
    marks = template.system
    if (
        not template.inside
        or not marks.before
        or not isinstance(first, Text)
        or not first.text.startswith(marks.before)
    ):
        return tuple(turns)
    text, found, rest = first.text.removeprefix(marks.before).partition(marks.after)
    if not found:
        return tuple(turns)
    return (Turn("system", (Text(text),)), Turn("user", (Text(rest),)), *turns[1:])
