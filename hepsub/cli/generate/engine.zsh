#compdef @PROGRAMS@
# Completion of hepsub's commands in zsh. @MADE@

# OFFER TYPED: what the word can become, one a line; behind a tab, what is to be said of it.
_hep_ask() {
    command hep_sub __offer "$@" </dev/null 2>/dev/null
}

# The completion function of all commands: reads the words as hepsub itself does.
_hep() {
    local command=${service:t} takes=nothing offer=nothing behind word REPLY
    local -i index start=2 free=0 ret=1
    while (( CURRENT > start )) && _hep_verb "$command" "$words[start]"; do
        command=$REPLY
        (( start++ ))
    done
    for (( index = start; index < CURRENT; index++ )); do
        word=$words[index] behind=''
        if _hep_option "$command" "$word"; then
            takes=${REPLY%% *} offer=${REPLY#* }
            [[ $takes == nothing ]] && behind=$offer
        elif [[ $word == -- || $word == -*=* ]]; then
            takes=nothing
        elif [[ $takes == nothing ]]; then
            (( free++ ))
        elif [[ $takes != many ]]; then
            takes=nothing
        fi
    done
    if [[ $takes != one && $PREFIX == -*=* ]] && _hep_option "$command" "${PREFIX%%=*}"; then
        compset -P 1 '*='
        _hep_offer "${REPLY#* }"
    elif [[ $takes != one && $PREFIX == -* ]]; then
        _hep_names "$command"
    elif [[ $takes != nothing ]]; then
        _hep_offer "$offer"
    elif [[ $behind == '='* ]]; then
        _hep_offer "$behind"
    elif (( CURRENT == start )) && _hep_has_verbs "$command"; then
        _hep_verbs "$command" && ret=0
        _hep_words "$command" && _hep_offer_word "${REPLY#* }" && ret=0
        return ret
    elif _hep_words "$command" && (( free < ${REPLY%% *} )); then
        _hep_offer_word "${REPLY#* }"
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

# OFFER: what hep_sub knows of it, in its order, with what is to be said of it. No blank follows what goes on.
_hep_asked() {
    local line word told tag=$1 expl
    local -a last last_shown more more_shown
    local -i ret=1
    for line in "${(@f)$(_hep_ask $1 "$QIPREFIX$PREFIX")}"; do
        word=${line%%$'\t'*} told=${line#"$word"}
        [[ -n $word ]] || continue
        told=$word${told:+  -- ${told#$'\t'}}
        if [[ $word == *[:/] ]]; then
            more+=("$word") more_shown+=("$told")
        else
            last+=("$word") last_shown+=("$told")
        fi
    done
    (( $#more )) && _wanted -V "$tag" expl "$tag" compadd -S '' -d more_shown -a -- more && ret=0
    (( $#last )) && _wanted -V "$tag" expl "$tag" compadd -d last_shown -a -- last && ret=0
    return ret
}

# OFFER [ARGUMENT OF _files]: places in storages, or files and directories here.
_hep_places() {
    local url=${(Q)PREFIX}
    local -i ret=1
    if [[ $1 == outputs ]]; then
        [[ $url == *=* ]] || return 1
        url=${url#*=}
    fi
    [[ $url == [./~]* ]] || { _hep_asked "$1" && ret=0 }
    if [[ $url != *:* ]]; then
        [[ $1 == outputs ]] && compset -P 1 '*='
        _files "${@[2,-1]}" && ret=0
    fi
    return ret
}

# OFFER [LATER]: the same for the first word that belongs to no option, and for the later ones.
_hep_offer_word() {
    local -a offers=( ${=1} )
    _hep_offer $offers[free?-1:1]
}

# OFFER: completes the word at hand from it; words behind a = are the offer themselves.
_hep_offer() {
    case $1 in
        nothing) return 1 ;;
        '='*) _hep_values choices ${=1#=} ;;
        files) _files ;;
        directories) _files -/ ;;
        users) _users ;;
        places) _hep_places $1 -/ ;;
        inputs|outputs|lists) _hep_places $1 ;;
        *) _hep_asked $1 ;;
    esac
}

@TABLES@

if [[ ${funcstack[1]} == _hep ]]; then # it was loaded to complete something
    _hep "$@"
else
    (( ${+functions[compdef]} )) || { autoload -Uz compinit && compinit -i }
    compdef _hep @PROGRAMS@
fi
