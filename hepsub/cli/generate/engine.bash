# shellcheck shell=bash
# Completion of hepsub's commands in bash. @MADE@

# OFFER TYPED PIECE: what the word can become, one a line; behind a tab, what is to be said of it.
_hep_ask() {
    command hep_sub __offer "$@" </dev/null 2>/dev/null
}

# The completion function of all commands: reads the words as hepsub itself does.
_hep() {
    local piece=$2 quoted='' typed lead='' head command takes=nothing offer=nothing behind='' word REPLY=''
    local -i index start=1 free=0 last
    local -a words=()
    COMPREPLY=()
    _hep_split
    last=$((${#words[@]} - 1)) typed=${words[-1]} command=${words[0]##*/}
    while ((last > start)) && _hep_verb "$command" "${words[start]}"; do
        command=$REPLY
        ((start++))
    done
    for ((index = start; index < last; index++)); do
        word=${words[index]} behind=''
        if _hep_option "$command" "$word"; then
            takes=${REPLY%% *} offer=${REPLY#* }
            [[ $takes == nothing ]] && behind=$offer
        elif [[ $word == -- || $word == -*=* ]]; then
            takes=nothing
        elif [[ $takes == nothing ]]; then
            ((free++))
        elif [[ $takes != many ]]; then
            takes=nothing
        fi
    done
    if [[ $takes != one && $typed == -*=* ]] && _hep_option "$command" "${typed%%=*}"; then
        lead=${typed%%=*}= typed=${typed#*=} takes=one offer=${REPLY#* }
    fi
    head=${lead}$typed
    head=${head%"$piece"}
    head=${head%[\"\']}
    if [[ $takes != one && $typed == -* ]]; then
        _hep_names "$command"
    elif [[ $takes != nothing ]]; then
        _hep_offer "$offer"
    elif [[ $behind == '='* ]]; then
        _hep_offer "$behind"
    elif ((last == start)) && _hep_verbs "$command"; then
        _hep_words "$command" && _hep_offer_word "${REPLY#* }"
    elif _hep_words "$command" && ((free < ${REPLY%% *})); then
        _hep_offer_word "${REPLY#* }"
    else
        _hep_names "$command"
    fi
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[:/] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}

# The words up to the cursor, as the shell will see them: readline parts them at : = and @, too.
_hep_split() {
    local rest=${COMP_LINE:0:COMP_POINT} gap word joins=''
    local -i index
    for ((index = 0; index <= COMP_CWORD; index++)); do
        gap=${rest%%[![:space:]]*}
        rest=${rest#"$gap"}
        word=${COMP_WORDS[index]}
        ((index == COMP_CWORD)) && word=$rest
        rest=${rest#"$word"}
        if ((index)) && [[ -z $gap && ($joins || $word == [:=@]*) ]]; then
            words[-1]+=$word
        else
            words+=("$word")
        fi
        joins=''
        [[ $word && $word != *[!:=@]* ]] && joins=1
    done
}

# WORD...: those that begin as the word at hand does.
_hep_matching() {
    local word
    for word; do
        word=$lead$word
        [[ $word == "$head$piece"* ]] && COMPREPLY+=("${word#"$head"}")
    done
}

# ACTION OPTION: what compgen finds, quoted; readline itself looks where it finds nothing.
_hep_paths() {
    local word
    compopt -o "$2" 2>/dev/null
    while IFS= read -r word; do
        [[ -d ${word/#\~\//$HOME/} ]] && word+=/
        _hep_quoted "$word"
    done < <(compgen -A "$1" -- "$piece")
}

# WORD: offers it in the quotes that are open. Readline's own quoting leaves $(...) and ` as they are in some names.
_hep_quoted() {
    local word=$1 open=$lead$typed home=''
    case ${open%"$piece"} in
        *\")
            [[ $word == *!* ]] && return # which cannot be quoted there
            word=${word//\\/\\\\} word=${word//\"/\\\"}
            word=${word//\$/\\\$} word=${word//\`/\\\`}
            ;;
        *\') word=${word//\'/\'\\\'\'} ;;
        *)
            [[ $piece == '~'* ]] && home=${word%%/*}
            printf -v word %q "${word#"$home"}"
            ;;
    esac
    COMPREPLY+=("$home$word")
    [[ $quoted ]] || { compopt -o noquote 2>/dev/null && compopt -o filenames; }
    quoted=1
}

# TEXT: its lines, in `lines`. To read them one by one from a pipe takes a call of the system for each letter.
_hep_lines() {
    local IFS=$'\n' globs=''
    [[ $- == *f* ]] || globs=1
    set -f
    # shellcheck disable=SC2206 # it is to be split
    lines=($1)
    [[ ! $globs ]] || set +f
}

# OFFER: what hep_sub knows of it. Behind jobs stands what they are, where readline only lists them.
_hep_asked() {
    local word told before=''
    local -a listed=() lines=()
    ((${#piece} > ${#typed})) && before=$lead # readline parts no words at =
    _hep_lines "$(_hep_ask "$1" "$typed" "${piece#"$before"}")"
    for word in "${lines[@]}"; do
        case $1 in
            jobs | queued)
                told=${word#"${word%%$'\t'*}"} told=${told#$'\t'} word=${word%%$'\t'*}
                COMPREPLY+=("$before$word") listed+=("$before$word${told:+  ($told)}")
                ;;
            *) _hep_quoted "$before${word%%$'\t'*}" ;;
        esac
    done
    if ((${#listed[@]})); then
        compopt -o nosort 2>/dev/null
        ((${#listed[@]} > 1)) && [[ ${COMP_TYPE:-9} == @(33|63|64) ]] && COMPREPLY=("${listed[@]}")
    elif [[ $1 != @(inputs|outputs|lists|places) ]]; then
        compopt +o filenames 2>/dev/null # no directory is meant
    fi
}

# OFFER ACTION OPTION: places in storages, or files and directories here.
_hep_places() {
    local url=${typed#[\"\']}
    if [[ $1 == outputs ]]; then
        [[ $url == *=* ]] || return
        url=${url#*=}
    fi
    [[ $url == [./~]* ]] || _hep_asked "$1"
    [[ $url == *:* ]] || _hep_paths "$2" "$3"
}

# OFFER [LATER]: the same for the first word that belongs to no option, and for the later ones.
_hep_offer_word() {
    ((free)) && [[ $1 == places\ * ]] && set -- "${1#* }"
    _hep_offer "${1% directories}"
}

# OFFER: completes the word at hand from it; words behind a = are the offer themselves.
_hep_offer() {
    local -a fixed
    case $1 in
        nothing) ;;
        '='*)
            IFS=' ' read -r -a fixed <<<"${1#=}"
            _hep_matching "${fixed[@]}"
            ;;
        files) _hep_paths file default ;;
        directories) _hep_paths directory dirnames ;;
        users) mapfile -t COMPREPLY < <(compgen -A user -- "$piece") ;;
        places) _hep_places "$1" directory dirnames ;;
        inputs | outputs | lists) _hep_places "$1" file default ;;
        *) _hep_asked "$1" ;;
    esac
}

@TABLES@

complete -F _hep @PROGRAMS@
