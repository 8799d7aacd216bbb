# The job from its beginning to its end, on every way out.

hs_started=-     # as the report says it
hs_chirped=false # whether HTCondor has answered

begin() {
    # A closed descriptor would make the next redirection the end of the shell.
    { :; } 3<&0 || exec </dev/null
    { :; } 3>&1 || exec >/dev/null
    { :; } 3>&2 || exec 2>/dev/null
    exec 3<&0 9>&2 </dev/null 2>/dev/null

    trap finish EXIT
    for hs_name in HUP INT QUIT USR1 USR2 TERM; do
        # shellcheck disable=SC2064 # the name as it is now
        trap "caught $hs_name" "$hs_name"
    done
    trap : PIPE # a reader of stderr that went away must not cost the outputs
    hs_umask=$(umask)
    mkdir -p "./$hs_home" # first of all: HTCondor holds a job whose listed directory is missing
    hs_times=$(date -u '+%s %Y-%m-%dT%H:%M:%SZ')
    hs_start=${hs_times% *} hs_started=${hs_times#* }

    # The user's own libraries are for the payload: they have broken many a system's curl.
    hs_library_path=${LD_LIBRARY_PATH-} hs_had_library_path=${LD_LIBRARY_PATH+yes}
    hs_preload=${LD_PRELOAD-} hs_had_preload=${LD_PRELOAD+yes}
    unset LD_LIBRARY_PATH LD_PRELOAD

    hs_top=$PWD
    umask 077
    rm -rf "./$hs_private"
    mkdir "$hs_private" || die "$hs_e_contract" "cannot write into the job's directory $PWD"
    exec 2>"$hs_private/log"
    [ -f "$hs_manifest_name" ] ||
        die "$hs_e_contract" "there is no $hs_manifest_name in $PWD: this script is started by hep_sub's jobs, not by hand"
    { mv "$hs_manifest_name" "$hs_private/manifest" && chmod 600 "$hs_private/manifest"; } ||
        die "$hs_e_contract" "cannot move $hs_manifest_name to $hs_private"
}

# A signal for the wrapper. What it means depends on where we are.
caught() {
    hs_trapped=$1
    case $hs_stage in
        before)
            hs_signal=$1
            [ -z "$hs_child" ] || kill -KILL "$hs_child"
            ;;
        payload)
            hs_forwarded="$hs_forwarded $1"
            signal_payload "$1"
            if [ "$1" = TERM ] && [ -z "$hs_killer" ]; then
                say "told to end (SIGTERM): the payload has $hs_term_s s, then its outputs are saved"
                kill_later &
                hs_killer=$!
            fi
            hs_trapped=$1
            ;;
    esac
}

# End a payload that does not heed its SIGTERM.
kill_later() {
    exec 3<&- 9>&- >/dev/null
    trap 'kill -KILL $!; exit' VTALRM
    nap "$hs_term_s"
    signal_payload KILL
}

# Say what became of the outputs, the worst first; then the marker.
conclude() {
    each_credential complain
    if [ -n "$hs_lost" ]; then
        tell_lost
        verdict "$hs_e_lost" "these outputs could neither be uploaded nor brought home: $hs_lost"
    fi
    if [ "$hs_payload_status" = 0 ] && [ -n "$hs_missing" ]; then
        verdict "$hs_e_missing" "the payload ended with 0 but did not make: $hs_missing"
    fi
    if [ -n "$hs_kept" ]; then
        verdict "$hs_e_home" "these outputs came home instead: $hs_kept; they lie in $hs_home/outputs of the bundle's home directory"
    fi
    [ "$hs_payload_status" = 0 ] || return 0
    each_line mark_line
}

mark_line() {
    [ "$1" = marker ] || return 0
    bare "$2"
    case $hs_code in
        0)
            gather
            report >"$hs_private/marker"
            checksum md5 "$hs_private/marker"
            hs_want_md5=$hs_sum
            hs_url=$2
            look_up marker - "$2"
            persist put marker - "$hs_url" "$hs_private/marker" "$hs_deadline" "$hs_patience_s" && return 0
            bare "$2"
            verdict "$hs_e_home" "all outputs are in their place, but not the marker that says so: $hs_why ($hs_bare)"
            ;;
        "$hs_e_home") ;; # whoever puts the last output into its place writes it
        *) return 0 ;;
    esac
    pending report.json - - "$hs_bare"
}

report() {
    hs_ended=$(date -u '+%Y-%m-%dT%H:%M:%SZ')
    hs_exit_code=null hs_exit_signal=null
    if [ -n "$hs_payload_signal" ]; then
        hs_exit_signal=$hs_payload_signal
    elif [ -n "$hs_payload_status" ]; then
        hs_exit_code=$hs_payload_status
    fi
    json "$hs_job"
    printf '{\n"version": %s,\n"job": %s,\n"run": %s,\n' "$hs_version" "$hs_json" "${hs_run:-null}"
    json "$(uname -n)"
    printf '"host": %s,\n"started": "%s",\n"ended": "%s",\n' "$hs_json" "$hs_started" "$hs_ended"
    if [ -n "$hs_payload_status" ]; then
        printf '"payload": {"exit_code": %s, "signal": %s, "seconds": %s},\n' "$hs_exit_code" "$hs_exit_signal" "$hs_payload_s"
    else
        printf '"payload": null,\n'
    fi
    json "$hs_message"
    printf '"code": %s,\n"message": %s,\n' "$hs_code" "$hs_json"
    printf '"inputs": [%s],\n"outputs": [%s],\n' "$hs_inputs" "$hs_outputs"
    printf '"credentials": [%s],\n' "$hs_credentials"
    printf '"strangers": %s,\n' "$hs_strangers"
    printf '"chirp": %s\n}\n' "$hs_chirped"
}

# What the report says, but only files in .hepsub know.
gather() {
    [ ! -e "$hs_private/chirped" ] || hs_chirped=true
    hs_credentials=
    each_credential describe
}

# On every way out.
finish() {
    hs_exit=$?
    # A subshell of bash that is ended before it has forgotten its parent's traps comes here, too.
    # shellcheck disable=SC3028 # bash alone knows it
    [ "${BASHPID:-$$}" = $$ ] || return 0
    trap - EXIT
    trap : HUP INT QUIT USR1 USR2 TERM
    for hs_helper in $hs_child $hs_nap; do kill -KILL "$hs_helper"; done
    for hs_helper in $hs_clock $hs_killer; do kill -VTALRM "$hs_helper"; done
    [ -z "$hs_watchdog" ] || kill -ALRM "$hs_watchdog"
    if [ "$hs_stage" = payload ]; then signal_payload KILL; fi
    if [ -z "$hs_finished" ]; then
        hs_code="$hs_e_contract" hs_message="the wrapper itself broke down (shell's code $hs_exit): report this"
        say "$hs_message"
        tail -n 3 "$hs_private/log" >&9
        hs_exit="$hs_e_contract"
    fi
    gather
    rm -rf "./$hs_private"
    [ -z "$hs_has_lib" ] || rm -rf "./$hs_lib" "./$hs_lib".*.tar.gz
    case $hs_code in "$hs_e_contract" | "$hs_e_sent") sweep ;; esac
    umask "$hs_umask"
    restore_home
    rm -f "./$hs_home/stage"
    report >"$hs_home/.report" && mv -f "$hs_home/.report" "$hs_home/report.json"
    if [ -n "$hs_payload_signal" ] && [ "$hs_code" != "$hs_e_walltime" ]; then
        hs_number=$hs_payload_signal
    elif [ -n "$hs_signal" ]; then
        hs_number=$(signal_number "$hs_signal")
    else
        exit "$hs_exit"
    fi
    # End as the payload did, so that the batch system sees it; without a core file of this shell.
    # shellcheck disable=SC3045 # every shell has it, and if not, there is a core file
    ulimit -c 0
    trap - HUP INT QUIT USR1 USR2 TERM PIPE
    # A shell that stands here in its EXIT trap would finish that first (bash): another one takes its
    # place, and its code where a signal does not end it (the first process of a container, say).
    exec sh -c "kill -$hs_number \$\$; exit $((128 + hs_number))" 2>/dev/null
}

main() {
    begin
    check_sent
    take_credentials
    read_manifest
    look_at_neighbours
    if [ -n "$hs_walltime_s" ]; then
        hs_payload_end=$((hs_walltime_s - hs_grace_s))
        hs_deadline=$((hs_walltime_s - hs_last_s))
    fi
    find_chirp
    count_run
    forget_told
    open_mailbox
    fetch_credentials
    find_image
    fetch_inputs
    unpack_libraries
    list_top
    hs_old=$hs_names
    run_payload "$@"
    stage_out
    conclude
    hs_finished=yes
    if [ "$hs_code" = "$hs_e_walltime" ]; then exit "$hs_e_walltime"; fi
    if [ "$hs_payload_status" != 0 ]; then exit "$hs_payload_status"; fi
    exit "$hs_code"
}
