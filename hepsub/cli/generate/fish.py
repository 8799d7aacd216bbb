"""The completion of fish: engine.fish, and a line for each option of each command.

Every name is declared as an old-style option (`-o`), single letters too: fish would read `-gw` as
`-g w` otherwise, which hepsub does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from hepsub.cli.generate import sources
from hepsub.cli.generate.sources import programs, verbs
from hepsub.cli.options import Command, Kind, Option, Takes


def fish_completion() -> str:
    """The file that completes all commands in fish."""
    made = (
        "\n".join([f"complete -c {command.name} --erase", *_program(command)])
        for command in programs()
    )
    verbs_named = "\n".join(_cases())
    return sources.completed("engine.fish", VERBS=verbs_named, COMMANDS="\n\n".join(made))


def _cases() -> Iterator[str]:
    for name, named in verbs().items():
        for word, command in named.items():
            yield f"            case {_quote(f'{name} {word}')}"
            yield f"                set name {_quote(command.name)}"


def _program(command: Command) -> Iterator[str]:
    start = f"complete -c {command.name}"
    if command.name not in verbs():
        yield from _rules(start, "", command)
        return
    for each in _reached(command):
        here = f"__hep_at {each.name}"
        yield from _rules(start, here, each)
        for word, behind in verbs().get(each.name, {}).items():
            told = f"-a {_quote(word)} -d {_quote(behind.summary)}"
            yield f"{start}{_when(here, '__hep_first')} {told}"


def _reached(command: Command) -> Iterator[Command]:
    """A command, and those that words behind it name."""
    yield command
    for behind in verbs().get(command.name, {}).values():
        yield from _reached(behind)


def _rules(start: str, condition: str, command: Command) -> Iterator[str]:
    """The lines for the words and the options of a command, where a condition holds."""
    yield from _words(start, condition, command)
    for option in command.options:
        yield f"{start}{_when(condition)} {_option(option)}"
        if option.takes is Takes.PERHAPS_ONE or (option.takes is Takes.NOTHING and option.choices):
            behind = f"__hep_behind {' '.join(option.names)}"
            yield f"{start}{_when(condition, behind)} {_value(sources.offer(option))}"


def _words(start: str, condition: str, command: Command) -> Iterator[str]:
    offer = sources.offer(command.words)
    if offer == Kind.FILE.value:
        return
    yield f"{start}{_when(condition)} -f"
    perhaps = [each for each in command.options if each.takes is Takes.PERHAPS_ONE]
    behind = [f"not __hep_behind {' '.join(each.names)}" for each in perhaps]
    if offer != sources.NOTHING:
        yield f"{start}{_when(condition, *behind)} {_value(offer)}"


def _option(option: Option) -> str:
    parts = [_name(name) for name in option.names]
    parts.append(f"-d {_quote(sources.short(option.help))}")
    if option.takes in {Takes.ONE, Takes.MANY}:
        parts.append(_value(sources.offer(option), "-r"))
    return " ".join(part for part in parts if part)


def _name(name: str) -> str:
    return f"-l {name[2:]}" if name.startswith("--") else f"-o {name[1:]}"


_JOBS = frozenset({Kind.JOB.value, Kind.QUEUED.value})
_PLACES = frozenset({Kind.INPUT.value, Kind.OUTPUT.value, Kind.LIST.value, Kind.PLACE.value})


def _value(offer: str, required: str = "") -> str:
    """What completes a value, as complete's own options."""
    offer = offer.partition(" ")[0] if offer[0] != "=" else offer
    if offer == Kind.FILE.value:
        return f"{required} -F".strip()
    found = {
        sources.NOTHING: "",
        Kind.DIRECTORY.value: "(__fish_complete_directories (commandline -ct))",
        Kind.USER.value: "(__fish_complete_users)",
    }.get(offer, f"(__hep_asked {offer})")
    if offer in _PLACES:
        found = f"(__hep_places {offer})"
    elif offer[0] == "=":
        found = offer[1:]
    order = "k" if offer in _JOBS else ""
    return f"{required} -f{order}{f' -a {_quote(found)}' if found else ''}".strip()


def _when(*conditions: str) -> str:
    told = "; and ".join(each for each in conditions if each)
    return f" -n {_quote(told)}" if told else ""


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
