# The payload: started, watched, ended, judged.

hs_teller=  # the payload's parent,
hs_group=   # what `kill` gets: minus the number of the process group,
hs_session= # and what gives the payload a session of its own

# Everything that can be known before: an exec that fails later looks like an exit code.
check_payload() {
    case $hs_payload in
        ./*) chmod u+x "$hs_payload" ;;
    esac
    if [ -n "$hs_workdir" ]; then
        bounded 60 enter "$hs_workdir" || { heed && no_workdir; }
    fi
    [ -e "$hs_payload" ] || die "$hs_e_start" "the payload $hs_payload does not exist on $(uname -n)"
    [ -f "$hs_payload" ] || die "$hs_e_start" "the payload $hs_payload is not a file"
    [ -x "$hs_payload" ] || die "$hs_e_start" "the payload $hs_payload is not executable: chmod +x it"
    hs_first=
    IFS= read -r hs_first <"$hs_payload"
    case $hs_first in
        '#!'*) ;;
        *) return 0 ;;
    esac
    [ -z "$hs_image" ] || return 0 # its interpreter is in there
    hs_first=${hs_first#'#!'}
    hs_first=${hs_first#"${hs_first%%[! "$hs_tab"]*}"}
    hs_first=${hs_first%%[ "$hs_tab"]*}
    case $hs_first in
        *"$hs_cr") die "$hs_e_start" "the first line of the payload $hs_payload ends with a carriage return: convert it (dos2unix)" ;;
        /*) [ -x "$hs_first" ] || die "$hs_e_start" "the interpreter $hs_first of the payload does not exist on $(uname -n)" ;;
    esac
}

# The payload may run elsewhere, where the job's directory has no relative name.
enter() { cd "$1" || exit; }

no_workdir() {
    case $hs_bounded in
        137) hs_why="does not answer on $(uname -n)" ;;
        *)
            hs_why="is not a directory that this job may enter on $(uname -n)"
            [ -e "$hs_workdir" ] || hs_why="does not exist on $(uname -n)"
            ;;
    esac
    die "$hs_e_start" "the payload is to run in $hs_workdir, which $hs_why"
}

# Start the payload in a session of its own, so that it and its children can be ended together. A
# shell's background commands ignore SIGINT and SIGQUIT for ever, unless job control is on; bash has that
# without a terminal, others need an env or a python3 that takes it back.
launch() {
    hs_session=$(command -v setsid) && hs_session=setsid
    set -m
    case $- in
        *m*) set -- ${hs_session:+"$hs_session"} "$@" ;;
        *)
            if env --default-signal=INT,QUIT true; then
                set -- ${hs_session:+"$hs_session"} env --default-signal=INT,QUIT "$@"
            elif command -v python3 >/dev/null; then
                hs_session=python3
                set -- python3 -IS -c '@include session.py@' "$@"
            else
                set -- ${hs_session:+"$hs_session"} "$@"
            fi
            ;;
    esac
    tell "$@" 2>"$hs_private/death" &
    hs_teller=$!
    set +m
    exec 3<&-
}

# The payload's parent: a shell of its own that does nothing but wait in the foreground. A shell writes to
# stderr that a child was ended by a signal (but for INT and PIPE), and there is no other way to tell that
# from an exit code above 128, which every shell script has whose last command crashed. bash says nothing
# about signals that it traps; it has its own process group here and needs no traps.
tell() {
    [ -n "${BASH_VERSION-}" ] || trap : HUP INT QUIT USR1 USR2 TERM
    (exec_payload "$@") <&3 2>&9 3<&- 9>&-
    exit $?
}

# The user's environment, and then the payload instead of the shell. The last shell says who it is, puts
# the user's libraries back, and leaves a mark if the exec fails; its name is hepsub, because then it
# complains.
exec_payload() {
    umask "$hs_umask"
    [ -z "$hs_submitdir" ] || export HEPSUB_SUBMIT_DIR="$hs_submitdir"
    export HEPSUB_SCRATCH="$hs_top"
    [ -z "$hs_has_lib" ] || export HEPSUB_LIB="$hs_top/$hs_lib"
    each_variable set_variable
    each_credential hand_over
    [ -z "$hs_workdir" ] || cd "$hs_workdir" || exit 127
    exec "$@"
}

hs_last_shell='@include payload.sh@'

# Shells do not hand on variables whose names they cannot spell (A.B): env does.
odd_environment() {
    [ -r "/proc/$$/environ" ] || return 1
    tr '\0\n' '\n\001' <"/proc/$$/environ" | LC_ALL=C grep -e '^[^=]*[^=A-Za-z0-9_]' -e '^[0-9]' >"$hs_private/odd"
}

run_payload() {
    check_payload
    tend # fetching inputs may have taken longer than they last
    case $hs_workdir,$hs_payload in
        ?*,./*) hs_payload=$hs_top/${hs_payload#./} ;;
    esac
    set -- "$hs_payload" "$@"
    if odd_environment; then
        while IFS= read -r hs_pair; do
            hs_pair=$(printf '%sX' "$hs_pair" | tr '\001' '\n')
            set -- "${hs_pair%X}" "$@"
        done <"$hs_private/odd"
        if [ -n "$hs_image" ]; then hs_env="env"; else hs_env=$(command -v env); fi
        set -- "$hs_env" "$@" # as it is found without the libraries
    fi
    if [ -n "$hs_lib_search" ]; then
        hs_lib_search=$hs_lib_search${hs_library_path:+:}$hs_library_path
    fi
    heed
    now
    hs_payload_begun=$hs_now
    set -- sh -c "$hs_last_shell" hepsub "$hs_top/$hs_private" \
        "$hs_lib_search$hs_had_library_path" "${hs_lib_search:-$hs_library_path}" "$hs_had_preload" "$hs_preload" \
        "${hs_image:+${HOME+yes}}" "${HOME-}" "$hs_lib_python" "$hs_lib_programs" "$@"
    if [ -n "$hs_image" ]; then launch_in_image "$@"; else launch "$@"; fi
    hs_stage=payload
    [ -z "$hs_signal" ] || caught "$hs_signal"
    if [ -n "$hs_walltime_s$hs_phase" ] || has_newer || [ -s "$hs_private/credentials" ]; then
        clock </dev/null >/dev/null 9>&- &
        hs_clock=$!
    fi
    wait_for_payload
    now
    hs_payload_s=$((hs_now - hs_payload_begun))
    hs_stage=after
    hs_signal=
    end_helpers
    end_group
    judge_payload
}

# Beside the payload: keep the manifest and the credentials fresh, and the walltime.
clock() {
    trap end_clock VTALRM
    hs_signal= # the payload has it already
    phase running
    now
    hs_due=$((hs_now + hs_refresh_s))
    while time_left "$hs_payload_end"; do
        hs_wake=$((hs_now + hs_left))
        tend
        now
        if has_newer && [ "$hs_now" -ge "$hs_due" ]; then
            refresh newer
            now
            hs_due=$((hs_now + hs_refresh_s))
        fi
        ! has_newer || wake_at "$hs_due"
        time_left "$hs_payload_end" || break
        hs_sleep_s=$((hs_wake - hs_now))
        [ "$hs_sleep_s" -ge "$hs_busy_s" ] || hs_sleep_s=$hs_busy_s
        [ "$hs_sleep_s" -le "$hs_left" ] || hs_sleep_s=$hs_left
        # Bash 5.2 loses a signal whose trap would run while it reads a command substitution (seen: "trap:
        # unexpected EOF while looking for matching `)'"); there is none from here to the end of the nap.
        [ ! -e "$hs_private/over" ] || exit
        nap "$hs_sleep_s"
    done
    [ ! -e "$hs_private/over" ] || exit
    : >"$hs_private/walltime"
    signal_payload TERM
    nap $hs_walltime_term_s
    signal_payload KILL
}

# Bash may lose an ALRM between the fork of a program and its start, where $! is all that is known of it.
end_clock() {
    [ "$hs_nap" != new ] || hs_nap=$!
    # shellcheck disable=SC2086 # none, or one each
    kill -ALRM $! $hs_watchdog
    # shellcheck disable=SC2086 # none, or one each
    kill -KILL $hs_nap $hs_child
    exit
}

# Wait for the payload's end, whatever signals arrive meanwhile.
wait_for_payload() {
    while :; do
        hs_trapped=
        wait "$hs_teller"
        hs_waited=$?
        # 127 after a trap: the shell had already told the status when the signal came.
        [ "$hs_waited" = 127 ] && [ -n "$hs_payload_status" ] || hs_payload_status=$hs_waited
        [ -n "$hs_trapped" ] || break
    done
}

# Who the payload is → hs_group. It may have been started only just now.
find_group() {
    # shellcheck disable=SC2034 # to count is all that it does
    for hs_try in 1 2 3 4 5 6 7 8 9 10; do
        hs_group=
        read -r hs_group <"$hs_private/pid" && break
        [ "$hs_stage" = payload ] || return 1
        nap 0.1
    done
    [ -n "$hs_group" ] || return 1
    [ -z "$hs_session" ] || hs_group=-$hs_group
}

signal_payload() { find_group && kill -"$1" "$hs_group"; }

end_helpers() {
    : >"$hs_private/over" # for a clock that loses the signal
    for hs_helper in $hs_clock $hs_killer; do
        kill -VTALRM "$hs_helper"
        wait "$hs_helper"
    done
    hs_clock='' hs_killer=''
}

# What the payload left running is ended, as HTCondor would.
end_group() {
    [ -n "$hs_session" ] && signal_payload TERM || return 0
    for hs_name in 1 2 3 4 5 6 7 8 9 10; do
        nap 0.1
        kill -0 "$hs_group" || return 0
    done
    kill -KILL "$hs_group"
}

# Not even the shell before the payload was there. An image takes its time, and a signal may come first.
is_stillborn() {
    [ ! -e "$hs_private/begun" ] || return 1
    [ -z "$hs_image" ] || { [ -z "$hs_forwarded" ] && [ ! -e "$hs_private/walltime" ]; }
}

judge_payload() {
    if [ -e "$hs_private/nostart" ] || is_stillborn; then
        hs_payload_status=
        [ -z "$hs_image" ] ||
            die "$hs_e_start" "the payload $hs_payload cannot be executed in the image $hs_image on $(uname -n): stderr says why, or its interpreter is not in the image"
        die "$hs_e_start" "the payload $hs_payload cannot be executed on $(uname -n): wrong architecture, or a file system without programs?"
    fi
    if [ "$hs_payload_status" -gt 128 ]; then
        hs_number=$((hs_payload_status - 128))
        if [ -s "$hs_private/death" ]; then
            hs_payload_signal=$hs_number
        else
            # No shell writes about INT and PIPE: they are believed if they came from here.
            [ ! -e "$hs_private/walltime" ] || hs_forwarded="$hs_forwarded TERM"
            for hs_name in $hs_forwarded; do
                [ "$hs_number" != "$(signal_number "$hs_name")" ] || hs_payload_signal=$hs_number
            done
        fi
    fi
    if [ -e "$hs_private/walltime" ]; then
        verdict "$hs_e_walltime" "the walltime of $hs_walltime_s s ended the payload: submit with a longer one (hep_sub -wt)"
    fi
}
