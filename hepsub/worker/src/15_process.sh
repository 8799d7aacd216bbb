# Processes and files: what may take long is bounded and waited for, and a signal is heeded in between.

hs_now=0       # the time, as `now` has seen it last
hs_bounded=0   # how the last bounded command ended
hs_left=1      # the seconds that `time_left` has counted last

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

# Seconds since 1970 → hs_now.
now() { hs_now=$(date +%s); }

# Seconds until then → hs_left (at least 1, curl's 0 means for ever); fails when there are none.
time_left() {
    now
    hs_left=$((hs_start + $1 - hs_now))
    [ "$hs_left" -le 0 ] || return 0
    hs_left=1
    return 1
}

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

signal_number() {
    case $1 in
        HUP) echo 1 ;; INT) echo 2 ;; QUIT) echo 3 ;; USR1) echo 10 ;; USR2) echo 12 ;;
        *) echo 15 ;;
    esac
}

# Leave, if a signal said so before the payload ran.
heed() {
    [ -n "$hs_signal" ] || return 0
    hs_code=$((128 + $(signal_number "$hs_signal"))) hs_message="ended by SIG$hs_signal before the payload was started"
    say "$hs_message"
    hs_finished=yes
    exit "$hs_code"
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

# Directories and files of the payload are made with the user's umask.
with_umask() (
    umask "$hs_umask"
    "$@"
)

make_parent() {
    [ -d "${1%/*}" ] || with_umask mkdir -p "${1%/*}"
}

# The programs that are here, each once: NAME-or-path… → hs_found, and the first one alone, hs_found_first.
find_programs() {
    hs_found='' hs_found_first=''
    for hs_program in "$@"; do
        hs_program=$(command -v "$hs_program") || continue
        [ -n "$hs_found" ] || hs_found_first=$hs_program
        case " $hs_found " in
            *" $hs_program "*) ;;
            *) hs_found="$hs_found${hs_found:+ }$hs_program" ;;
        esac
    done
}
