"""The completion of zsh."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator

from hepsub.cli.generate import sources, tables
from hepsub.cli.generate.sources import every_command, verbs
from hepsub.cli.help import OFFERED
from hepsub.cli.main import PROGRAMS
from hepsub.cli.options import Command

_HEAD = (
    "# Completion of hepsub's commands in zsh. Made by python -m hepsub.cli.generate: do not edit."
)

_ENGINE = """\
# The completion function of all commands: reads the words as hepsub itself does.
_hep() {
    local command=${service:t} takes=nothing offer=nothing word REPLY
    local -i index start=2 free=0 ret=1
    while (( CURRENT > start )) && _hep_verb "$command" "$words[start]"; do
        command=$REPLY
        (( start++ ))
    done
    for (( index = start; index < CURRENT; index++ )); do
        word=$words[index]
        if _hep_option "$command" "$word"; then
            takes=${REPLY%% *} offer=${REPLY#* }
        elif [[ $word == -- || $word == -*=* ]]; then
            takes=nothing
        elif [[ $takes == nothing ]]; then
            (( free++ ))
        elif [[ $takes != many ]]; then
            takes=nothing
        fi
    done
    if [[ $takes != one && $PREFIX == -*=* ]] && _hep_option "$command" "${PREFIX%%=*}"; then
        compset -P '*='
        _hep_offer "${REPLY#* }"
    elif [[ $takes != one && $PREFIX == -* ]]; then
        _hep_names "$command"
    elif [[ $takes != nothing ]]; then
        _hep_offer "$offer"
    elif (( CURRENT == start )) && _hep_has_verbs "$command"; then
        _hep_verbs "$command" && ret=0
        _hep_words "$command" && _hep_offer "${REPLY#* }" && ret=0
        return ret
    elif _hep_words "$command" && (( free < ${REPLY%% *} )); then
        _hep_offer "${REPLY#* }"
    else
        _hep_names "$command"
    fi
}

# TAG WORD...: completes the word at hand to one of them.
_hep_values() {
    local tag=$1 expl
    shift
    _wanted "$tag" expl "$tag" compadd -- "$@"
}

# The caller's jobs: clusters, and their jobs once there is a dot.
_hep_jobs() {
    local -aU jobs
    jobs=( ${${(f)"$(@JOBS@)"}%% *} )
    jobs=( ${(M)jobs:#<->.<->} )
    [[ $PREFIX == *.* ]] || jobs=( ${jobs%.*} )
    _hep_values jobs $jobs
}

# OFFER: what the policy has of it, and the caller may use.
_hep_asked() {
    local -a words
    words=( ${(f)"$(@ASK@)"} )
    _hep_values $1 $words
}"""


def zsh_completion() -> str:
    """The file that completes all commands in zsh."""
    parts = [
        f"#compdef {' '.join(PROGRAMS)}\n{_HEAD}",
        _ENGINE.replace("@JOBS@", sources.JOBS).replace("@ASK@", sources.ASK.format("$1")),
        _offer_function(),
        _has_verbs_function(),
        _verbs_function(),
        tables.verb_table(),
        tables.words_table(),
        _names_function(),
        tables.option_table(),
        '_hep "$@"',
    ]
    return "\n\n".join(parts) + "\n"


def _offer_function() -> str:
    rows = [
        f"        {offer}) _hep_values {offer} {' '.join(map(shlex.quote, words))} ;;"
        for offer, words in sources.fixed().items()
    ]
    return "\n".join([
        "# OFFER: completes the word at hand from it.",
        "_hep_offer() {",
        "    case $1 in",
        "        files) _files ;;",
        "        directories) _files -/ ;;",
        f"        {'|'.join(OFFERED)}) _hep_asked $1 ;;",
        "        users) _users ;;",
        "        jobs) _hep_jobs ;;",
        *rows,
        "        *) return 1 ;;",
        "    esac",
        "}",
    ])  # fmt: skip


def _has_verbs_function() -> str:
    return "\n".join([
        "# COMMAND: whether its first word may name another command.",
        "_hep_has_verbs() {",
        f"    [[ $1 == ({'|'.join(shlex.quote(name) for name in verbs())}) ]]",
        "}",
    ])  # fmt: skip


def _verbs_function() -> str:
    rows = []
    for name, named in verbs().items():
        described = [(word, command.summary) for word, command in named.items()]
        rows += [f"        {shlex.quote(name)})", "            verbs=("]
        rows += [*_described(described, "                "), "            )", "            ;;"]
    return "\n".join([
        "# COMMAND: completes the word at hand to another command, where one can stand.",
        "_hep_verbs() {",
        "    local -a verbs",
        "    case $1 in",
        *rows,
        "    esac",
        "    _describe -t subcommands subcommand verbs",
        "}",
    ])  # fmt: skip


def _names_function() -> str:
    rows = [row for command in every_command() for row in _names_of(command)]
    return "\n".join([
        "# COMMAND: completes the word at hand to an option.",
        "_hep_names() {",
        "    local -a names",
        "    case $1 in",
        *rows,
        "    esac",
        "    _describe -o option names",
        "}",
    ])  # fmt: skip


def _names_of(command: Command) -> Iterator[str]:
    described = [
        (name, sources.short(option.help)) for option in command.options for name in option.names
    ]
    yield f"        {shlex.quote(command.name)})"
    yield "            names=("
    yield from _described(described, "                ")
    yield "            )"
    yield "            ;;"


def _described(rows: Iterable[tuple[str, str]], indent: str) -> Iterator[str]:
    """Words and their descriptions, as _describe takes them."""
    for name, meaning in rows:
        escaped = name.replace(":", r"\:")
        yield f"{indent}{shlex.quote(f'{escaped}:{meaning}')}"
