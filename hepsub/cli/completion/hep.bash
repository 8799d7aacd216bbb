# shellcheck shell=bash
# Completion of hepsub's commands in bash. Made by python -m hepsub.cli.generate: do not edit.

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

# COMMAND: completes the word at hand to another command, where one can stand.
_hep_verbs() {
    case $1 in
        hep_sub) _hep_matching status demo rm hold release edit history tail wait fetch mount auth ;;
        hep_auth) _hep_matching login renew s3 token ;;
        *) return 1 ;;
    esac
}

# COMMAND WORD: whether the word names another command; REPLY is that one.
_hep_verb() {
    case "$1 $2" in
        'hep_sub status') REPLY='hep_sub status' ;;
        'hep_sub demo') REPLY='hep_sub demo' ;;
        'hep_sub rm') REPLY=hep_rm ;;
        'hep_sub hold') REPLY=hep_hold ;;
        'hep_sub release') REPLY=hep_release ;;
        'hep_sub edit') REPLY=hep_edit ;;
        'hep_sub history') REPLY=hep_history ;;
        'hep_sub tail') REPLY=hep_tail ;;
        'hep_sub wait') REPLY=hep_wait ;;
        'hep_sub fetch') REPLY=hep_fetch ;;
        'hep_sub mount') REPLY=hep_mount ;;
        'hep_sub auth') REPLY=hep_auth ;;
        'hep_auth login') REPLY='hep_auth login' ;;
        'hep_auth renew') REPLY='hep_auth renew' ;;
        'hep_auth s3') REPLY='hep_auth s3' ;;
        'hep_auth token') REPLY='hep_auth token' ;;
        *) return 1 ;;
    esac
}

# COMMAND: REPLY is how many words it takes besides options, and which.
_hep_words() {
    case $1 in
        hep_sub) REPLY='1 files' ;;
        hep_q) REPLY='1000000 jobs' ;;
        hep_rm) REPLY='1000000 queued' ;;
        hep_hold) REPLY='1000000 queued' ;;
        hep_release) REPLY='1000000 queued' ;;
        hep_edit) REPLY='1000000 queued' ;;
        hep_history) REPLY='1000000 jobs' ;;
        hep_tail) REPLY='1000000 jobs' ;;
        hep_wait) REPLY='1000000 jobs' ;;
        hep_clus) REPLY='0 nothing' ;;
        hep_fetch) REPLY='1000000 jobs' ;;
        hep_mount) REPLY='1000000 places directories' ;;
        hep_auth) REPLY='0 nothing' ;;
        'hep_sub status') REPLY='1000000 jobs' ;;
        'hep_sub demo') REPLY='0 nothing' ;;
        'hep_auth login') REPLY='1000000 credentials' ;;
        'hep_auth renew') REPLY='0 nothing' ;;
        'hep_auth s3') REPLY='1 storages' ;;
        'hep_auth token') REPLY='1 credentials' ;;
        *) return 1 ;;
    esac
}

# COMMAND: completes the word at hand to an option.
_hep_names() {
    case $1 in
        hep_sub)
            _hep_matching -argu --argu --arguments -g --group -n --number -o --output -e \
                --error -mem -m --memory -wt --walltime -os --OperatingSystem -np \
                --numberprocess -cpu --cpu -gpu --gpu -prio --priority -name --name -list --list \
                -columns -sep -per --per -in --in -out --out -lib --lib -nocheck --nocheck -cred \
                --cred -first --first -env --env -noenv --noenv -rmt --remote -normt -site \
                --site -type --type -outsize --outsize -disk -retry -attr -require -rank -append \
                -maxidle -maxrun -notify -wn --wn -gwn --gwn -image --image -dir --dir -l --log \
                -p --pool -slurm -schedd --schedd -u --universe -once --once -resubmit -failed \
                -only -unknown -wait --wait -dry-run --dry-run -check -write -completion -quiet \
                --quiet -json --json -version --version -h -help --help
            ;;
        hep_q)
            _hep_matching -u --user -i --id -hold --hold -run --run -stat --stat -why --why \
                -p --pool -slurm -json --json -version --version -h -help --help
            ;;
        hep_rm)
            _hep_matching -a -all --all -p --pool -slurm -json --json -version --version -h \
                -help --help
            ;;
        hep_hold)
            _hep_matching -a -all --all -p --pool -slurm -json --json -version --version -h \
                -help --help
            ;;
        hep_release)
            _hep_matching -a -all --all -p --pool -slurm -json --json -version --version -h \
                -help --help
            ;;
        hep_edit)
            _hep_matching -m -mem --memory -np -cpu -disk -wt -prio -a -all --all -p --pool \
                -slurm -json --json -version --version -h -help --help
            ;;
        hep_history)
            _hep_matching -u --user -i --id -n --number -p --pool -slurm -json --json \
                -version --version -h -help --help
            ;;
        hep_tail)
            _hep_matching -f --follow -e --stderr -n --lines -p --pool -slurm -json --json \
                -version --version -h -help --help
            ;;
        hep_wait)
            _hep_matching -timeout --timeout -p --pool -slurm -quiet --quiet -json --json \
                -version --version -h -help --help
            ;;
        hep_clus)
            _hep_matching -g --group -walltime --walltime -slurm -json --json -version \
                --version -h -help --help
            ;;
        hep_fetch)
            _hep_matching -d --dir -only --only -ls --ls -wait --wait -force --force -push \
                --push -p --pool -slurm -quiet --quiet -json --json -version --version -h -help \
                --help
            ;;
        hep_mount)
            _hep_matching -rw --rw -f -foreground --foreground -ls --ls -u -umount --umount \
                -a -all --all -t -timeout --timeout -force --force -json --json -version \
                --version -h -help --help
            ;;
        hep_auth)
            _hep_matching -p --pool -json --json -version --version -h -help --help
            ;;
        'hep_sub status')
            _hep_matching -watch --watch -until --until -state --state -p --pool -slurm \
                -json --json -version --version -h -help --help
            ;;
        'hep_sub demo')
            _hep_matching -script --script -json --json -version --version -h -help --help
            ;;
        'hep_auth login')
            _hep_matching -krb --krb -iam --iam -json --json -version --version -h -help \
                --help
            ;;
        'hep_auth renew')
            _hep_matching -once --once -loop --loop -install --install -uninstall \
                --uninstall -status --status -every --every -quiet --quiet -json --json -version \
                --version -h -help --help
            ;;
        'hep_auth s3')
            _hep_matching -process --process -json --json -version --version -h -help --help
            ;;
        'hep_auth token')
            _hep_matching -aud --aud --audience -scope --scope -t -time --time -json --json \
                -version --version -h -help --help
            ;;
    esac
}

# COMMAND WORD: whether it is an option; REPLY is how many words it takes, and which.
_hep_option() {
    case $1 in
        hep_sub)
            case $2 in
                -argu | --argu | --arguments) REPLY='many files' ;;
                -g | --group) REPLY='one groups' ;;
                -n | --number) REPLY='one nothing' ;;
                -o | --output) REPLY='one files' ;;
                -e | --error) REPLY='one files' ;;
                -mem | -m | --memory) REPLY='one nothing' ;;
                -wt | --walltime) REPLY='one walltimes' ;;
                -os | --OperatingSystem) REPLY='one systems' ;;
                -np | --numberprocess | -cpu | --cpu) REPLY='one nothing' ;;
                -gpu | --gpu) REPLY='one nothing' ;;
                -prio | --priority) REPLY='one nothing' ;;
                -name | --name) REPLY='one nothing' ;;
                -list | --list) REPLY='one lists' ;;
                -columns) REPLY='one nothing' ;;
                -sep) REPLY='one nothing' ;;
                -per | --per) REPLY='one nothing' ;;
                -in | --in) REPLY='one inputs' ;;
                -out | --out) REPLY='one outputs' ;;
                -lib | --lib) REPLY='one files' ;;
                -nocheck | --nocheck) REPLY='nothing nothing' ;;
                -cred | --cred) REPLY='one credentials' ;;
                -first | --first) REPLY='one nothing' ;;
                -env | --env) REPLY='one nothing' ;;
                -noenv | --noenv) REPLY='nothing nothing' ;;
                -rmt | --remote) REPLY='nothing nothing' ;;
                -normt) REPLY='nothing nothing' ;;
                -site | --site) REPLY='one sites' ;;
                -type | --type) REPLY='one =bes-simulation bes-reconstruction bes-analysis corsika geant4' ;;
                -outsize | --outsize) REPLY='one nothing' ;;
                -disk) REPLY='one nothing' ;;
                -retry) REPLY='one nothing' ;;
                -attr) REPLY='one nothing' ;;
                -require) REPLY='one nothing' ;;
                -rank) REPLY='one nothing' ;;
                -append) REPLY='one nothing' ;;
                -maxidle) REPLY='one nothing' ;;
                -maxrun) REPLY='one nothing' ;;
                -notify) REPLY='one =never complete error always' ;;
                -wn | --wn) REPLY='one nothing' ;;
                -gwn | --gwn) REPLY='one nothing' ;;
                -image | --image) REPLY='one files' ;;
                -dir | --dir) REPLY='one directories' ;;
                -l | --log) REPLY='one files' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -schedd | --schedd) REPLY='one schedds' ;;
                -u | --universe) REPLY='one =vanilla' ;;
                -once | --once) REPLY='one nothing' ;;
                -resubmit) REPLY='one jobs' ;;
                -failed) REPLY='nothing nothing' ;;
                -only) REPLY='one nothing' ;;
                -unknown) REPLY='nothing nothing' ;;
                -wait | --wait) REPLY='nothing nothing' ;;
                -dry-run | --dry-run) REPLY='nothing nothing' ;;
                -check) REPLY='nothing =policy' ;;
                -write) REPLY='nothing nothing' ;;
                -completion) REPLY='one =bash zsh fish' ;;
                -quiet | --quiet) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing =all' ;;
                *) return 1 ;;
            esac
            ;;
        hep_q)
            case $2 in
                -u | --user) REPLY='perhaps users' ;;
                -i | --id) REPLY='many jobs' ;;
                -hold | --hold) REPLY='nothing nothing' ;;
                -run | --run) REPLY='nothing nothing' ;;
                -stat | --stat) REPLY='one =I R C H X S' ;;
                -why | --why) REPLY='nothing nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_rm)
            case $2 in
                -a | -all | --all) REPLY='nothing nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_hold)
            case $2 in
                -a | -all | --all) REPLY='nothing nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_release)
            case $2 in
                -a | -all | --all) REPLY='nothing nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_edit)
            case $2 in
                -m | -mem | --memory) REPLY='one nothing' ;;
                -np | -cpu) REPLY='one nothing' ;;
                -disk) REPLY='one nothing' ;;
                -wt) REPLY='one walltimes' ;;
                -prio) REPLY='one nothing' ;;
                -a | -all | --all) REPLY='nothing nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_history)
            case $2 in
                -u | --user) REPLY='perhaps users' ;;
                -i | --id) REPLY='many jobs' ;;
                -n | --number) REPLY='one nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_tail)
            case $2 in
                -f | --follow) REPLY='nothing nothing' ;;
                -e | --stderr) REPLY='nothing nothing' ;;
                -n | --lines) REPLY='one nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_wait)
            case $2 in
                -timeout | --timeout) REPLY='one nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -quiet | --quiet) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_clus)
            case $2 in
                -g | --group) REPLY='one groups' ;;
                -walltime | --walltime) REPLY='nothing nothing' ;;
                -slurm) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_fetch)
            case $2 in
                -d | --dir) REPLY='one directories' ;;
                -only | --only) REPLY='one nothing' ;;
                -ls | --ls) REPLY='nothing nothing' ;;
                -wait | --wait) REPLY='nothing nothing' ;;
                -force | --force) REPLY='nothing nothing' ;;
                -push | --push) REPLY='nothing nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -quiet | --quiet) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_mount)
            case $2 in
                -rw | --rw) REPLY='nothing nothing' ;;
                -f | -foreground | --foreground) REPLY='nothing nothing' ;;
                -ls | --ls) REPLY='nothing nothing' ;;
                -u | -umount | --umount) REPLY='nothing nothing' ;;
                -a | -all | --all) REPLY='nothing nothing' ;;
                -t | -timeout | --timeout) REPLY='one nothing' ;;
                -force | --force) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        hep_auth)
            case $2 in
                -p | --pool) REPLY='one pools' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        'hep_sub status')
            case $2 in
                -watch | --watch) REPLY='nothing nothing' ;;
                -until | --until) REPLY='one =done any-failed any-held' ;;
                -state | --state) REPLY='nothing nothing' ;;
                -p | --pool) REPLY='one pools' ;;
                -slurm) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        'hep_sub demo')
            case $2 in
                -script | --script) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        'hep_auth login')
            case $2 in
                -krb | --krb) REPLY='nothing nothing' ;;
                -iam | --iam) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        'hep_auth renew')
            case $2 in
                -once | --once) REPLY='nothing nothing' ;;
                -loop | --loop) REPLY='nothing nothing' ;;
                -install | --install) REPLY='nothing nothing' ;;
                -uninstall | --uninstall) REPLY='nothing nothing' ;;
                -status | --status) REPLY='nothing nothing' ;;
                -every | --every) REPLY='one nothing' ;;
                -quiet | --quiet) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        'hep_auth s3')
            case $2 in
                -process | --process) REPLY='nothing nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        'hep_auth token')
            case $2 in
                -aud | --aud | --audience) REPLY='one nothing' ;;
                -scope | --scope) REPLY='one nothing' ;;
                -t | -time | --time) REPLY='one nothing' ;;
                -json | --json) REPLY='nothing nothing' ;;
                -version | --version) REPLY='nothing nothing' ;;
                -h | -help | --help) REPLY='nothing nothing' ;;
                *) return 1 ;;
            esac
            ;;
        *) return 1 ;;
    esac
}

complete -F _hep hep_sub hep_q hep_rm hep_hold hep_release hep_edit hep_history hep_tail hep_wait hep_clus hep_fetch hep_mount hep_auth
