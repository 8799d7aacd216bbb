"""The completion of bash."""

from __future__ import annotations

import shlex
import textwrap
from collections.abc import Iterable

from hepsub.cli.generate import sources, tables
from hepsub.cli.generate.sources import every_command, verbs
from hepsub.cli.help import OFFERED
from hepsub.cli.main import PROGRAMS

_HEAD = """\
# shellcheck shell=bash
# Completion of hepsub's commands in bash. Made by python -m hepsub.cli.generate: do not edit."""

_ENGINE = """\
# The completion function of all commands: reads the words as hepsub itself does.
_hep() {
    local cur=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[0]##*/} REPLY=''
    local index start=1 takes=nothing offer=nothing free=0 after_option=0 word
    COMPREPLY=()
    while ((COMP_CWORD > start)) && _hep_verb "$command" "${COMP_WORDS[start]}"; do
        command=$REPLY
        ((start++))
    done
    for ((index = start; index < COMP_CWORD; index++)); do
        word=${COMP_WORDS[index]}
        if [[ $word == '=' ]]; then # readline makes three words of -wt=long, and of A=B
            ((after_option || index++))
        elif _hep_option "$command" "$word"; then
            takes=${REPLY%% *} offer=${REPLY#* } after_option=1
            continue
        elif [[ $word == -- ]]; then
            takes=nothing
        elif [[ $takes == nothing ]]; then
            ((free++))
        elif [[ $takes != many ]]; then
            takes=nothing
        fi
        after_option=0
    done
    [[ $cur == '=' ]] && cur=''
    if [[ $takes != one && $cur == -* ]]; then
        _hep_names "$command"
    elif [[ $takes != nothing ]]; then
        _hep_offer "$offer"
    elif ((COMP_CWORD == start)) && _hep_verbs "$command"; then
        _hep_words "$command" && _hep_offer "${REPLY#* }"
    elif _hep_words "$command" && ((free < ${REPLY%% *})); then
        _hep_offer "${REPLY#* }"
    else
        _hep_names "$command"
    fi
}

# WORD...: those that begin as the word at hand does.
_hep_matching() {
    local word
    for word; do
        [[ $word == "$cur"* ]] && COMPREPLY+=("$word")
    done
}

# ACTION OPTION: what compgen finds; readline itself looks where it finds nothing.
_hep_paths() {
    local word
    compopt -o filenames -o "$2" 2>/dev/null
    while IFS= read -r word; do
        COMPREPLY+=("$word")
    done < <(compgen -A "$1" -- "$cur")
}

# The caller's jobs: clusters, and their jobs once there is a dot.
_hep_jobs() {
    local word last=''
    while read -r word _; do
        [[ $word =~ ^[0-9]+[.][0-9]+$ ]] || continue
        [[ $cur == *.* ]] || word=${word%.*}
        [[ $word == "$last" ]] || _hep_matching "$word"
        last=$word
    done < <(@JOBS@)
}

# OFFER: what the policy has of it, and the caller may use.
_hep_asked() {
    local word
    while IFS= read -r word; do
        _hep_matching "$word"
    done < <(@ASK@)
}"""


def bash_completion() -> str:
    """The file that completes all commands in bash."""
    parts = [
        _HEAD,
        _ENGINE.replace("@JOBS@", sources.JOBS).replace("@ASK@", sources.ASK.format('"$1"')),
        _offer_function(),
        _verbs_function(),
        tables.verb_table(),
        tables.words_table(),
        _names_function(),
        tables.option_table(),
        f"complete -F _hep {_words(PROGRAMS)}",
    ]
    return "\n\n".join(parts) + "\n"


def _offer_function() -> str:
    rows = [
        f"{offer}) _hep_matching {_words(words)} ;;" for offer, words in sources.fixed().items()
    ]
    return "\n".join([
        "# OFFER: completes the word at hand from it.",
        "_hep_offer() {",
        "    case $1 in",
        "        files) _hep_paths file default ;;",
        "        directories) _hep_paths directory dirnames ;;",
        f"        {' | '.join(OFFERED)}) _hep_asked \"$1\" ;;",
        '        users) mapfile -t COMPREPLY < <(compgen -A user -- "$cur") ;;',
        "        jobs) _hep_jobs ;;",
        *(f"        {row}" for row in rows),
        "    esac",
        "}",
    ])  # fmt: skip


def _verbs_function() -> str:
    rows = [
        f"        {shlex.quote(name)}) _hep_matching {_words(named)} ;;"
        for name, named in verbs().items()
    ]
    return "\n".join([
        "# COMMAND: completes the word at hand to another command, where one can stand.",
        "_hep_verbs() {",
        "    case $1 in",
        *rows,
        "        *) return 1 ;;",
        "    esac",
        "}",
    ])  # fmt: skip


def _names_function() -> str:
    rows = []
    for command in every_command():
        names = [name for option in command.options for name in option.names]
        rows += [f"        {shlex.quote(command.name)})"]
        rows += [*_wrapped(f"_hep_matching {_words(names)}"), "            ;;"]
    return "\n".join([
        "# COMMAND: completes the word at hand to an option.",
        "_hep_names() {",
        "    case $1 in",
        *rows,
        "    esac",
        "}",
    ])  # fmt: skip


def _wrapped(command: str) -> list[str]:
    """A long command on several lines."""
    lines = textwrap.wrap(command, 80, break_long_words=False, break_on_hyphens=False)
    return " \\\n".join(
        f"{' ' * (16 if number else 12)}{line}" for number, line in enumerate(lines)
    ).split("\n")


def _words(words: Iterable[str]) -> str:
    return " ".join(map(shlex.quote, words))
