# ---- small things ---------------------------------------------------------------------------------

# Talk to the user. File descriptor 9 is the job's stderr; 2 is a file in .hepsub, because shells and
# tools write there what no user should read in his job's stderr.
say() { printf 'hepsub: %s\n' "$*" >&9; }

# The verdict, if it is the first one.
verdict() {
    say "$2"
    [ "$hs_code" = 0 ] || return 0
    hs_code=$1 hs_message=$2
}

# A verdict that leaves nothing to do.
die() {
    verdict "$@"
    hs_finished=yes
    exit "$1"
}

now() { hs_now=$(date +%s); }

# Sleep so many seconds (a decimal fraction is fine), but wake up for a signal.
nap() {
    hs_trapped=
    hs_nap=new
    sleep "$1" &
    hs_nap=$!
    if ! wait "$hs_nap"; then
        kill -KILL "$hs_nap"
        case $hs_trapped,$1 in
            ,*.*) sleep 1 ;; # a sleep that knows no fractions
        esac
    fi
    hs_nap=
}

# Run a command, or a function, for at most so many seconds.
bounded() {
    hs_limit=$1
    shift
    "$@" </dev/null 3<&- 9>&- &
    hs_child=$!
    (
        trap 'kill -KILL $!; exit' ALRM # $! is right even between a fork and the next assignment
        nap "$hs_limit"
        kill -KILL "$hs_child"
    ) >/dev/null 3<&- 9>&- &
    hs_watchdog=$!
    await "$hs_child"
    hs_bounded=$?
    hs_child=
    kill -ALRM "$hs_watchdog"
    wait "$hs_watchdog"
    hs_watchdog=
    return "$hs_bounded"
}

# Wait for a child to its end: a trap interrupts `wait`, not the child.
await() {
    while :; do
        hs_trapped=
        wait "$1"
        hs_awaited=$?
        [ -n "$hs_trapped" ] && kill -0 "$1" || return "$hs_awaited"
    done
}

# %09, %0a, %25 → hs_text. Fails at any other %.
decode() {
    hs_rest=$1 hs_text=
    while :; do
        case $hs_rest in
            *%*) hs_text=$hs_text${hs_rest%%"%"*} hs_rest=${hs_rest#*"%"} ;;
            *) break ;;
        esac
        case $hs_rest in
            09*) hs_text=$hs_text$hs_tab ;;
            0[aA]*) hs_text=$hs_text$hs_nl ;;
            25*) hs_text=$hs_text% ;;
            *) return 1 ;;
        esac
        hs_rest=${hs_rest#??}
    done
    hs_text=$hs_text$hs_rest
}

# The other way round → hs_text.
encode() {
    hs_text=$1
    case $1 in
        *%* | *"$hs_tab"* | *"$hs_nl"*) ;;
        *) return 0 ;;
    esac
    hs_rest=$1 hs_text=
    while [ -n "$hs_rest" ]; do
        case $hs_rest in
            %*) hs_text=$hs_text%25 hs_rest=${hs_rest#?} ;;
            "$hs_tab"*) hs_text=$hs_text%09 hs_rest=${hs_rest#?} ;;
            "$hs_nl"*) hs_text=$hs_text%0a hs_rest=${hs_rest#?} ;;
            *)
                hs_head=${hs_rest%%[%"$hs_tab$hs_nl"]*}
                hs_text=$hs_text$hs_head hs_rest=${hs_rest#"$hs_head"}
                ;;
        esac
    done
}

# A URL as everybody may read it: without query, without user and password → hs_bare.
bare() {
    hs_bare=${1%%"?"*}
    case $hs_bare in
        *://*@*)
            hs_authority=${hs_bare#*://}
            case ${hs_authority%%/*} in
                *@*) hs_bare=${hs_bare%%://*}://${hs_authority#*@} ;;
            esac
            ;;
    esac
}

# A JSON string → hs_json. Plain ASCII costs no process; bytes that are not UTF-8 become U+FFFD.
json() {
    case $1 in
        *[!"$hs_plain"-]*) ;;
        *) hs_json="\"$1\"" && return 0 ;;
    esac
    hs_json=$(printf '%sX' "$1" | LC_ALL=C awk '@include json.awk@') && [ -n "$hs_json" ] || hs_json='"?"'
}

# Size of a file → hs_size.
size_of() {
    hs_size=$(stat -L -c %s "$1") || hs_size=$(wc -c <"$1") || hs_size=0
    hs_size=$((hs_size))
}

# Checksum of a file, in the background like all that takes long: md5 | sha256, FILE → hs_sum, or `-`.
checksum() {
    checksum_file "$1" "$2" >"$hs_private/sum" &
    hs_child=$!
    await "$hs_child"
    hs_child=
    hs_sum=-
    read -r hs_sum hs_rest <"$hs_private/sum"
    case $hs_sum in
        '' | *[!0-9a-f]*) hs_sum=- ;;
    esac
}

checksum_file() {
    "${1}sum" <"$2" ||
        { openssl dgst "-$1" -r <"$2" | grep .; } ||
        python3 -IS -c '@include checksum.py@' "$1" <"$2"
}

