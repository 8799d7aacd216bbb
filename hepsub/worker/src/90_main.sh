# ---- the end --------------------------------------------------------------------------------------

report() {
    hs_times=$(date -u '+%s %Y-%m-%dT%H:%M:%SZ')
    hs_exit_code=null hs_exit_signal=null
    if [ -n "$hs_payload_signal" ]; then
        hs_exit_signal=$hs_payload_signal
    elif [ -n "$hs_payload_status" ]; then
        hs_exit_code=$hs_payload_status
    fi
    json "$hs_job"
    printf '{\n"version": %s,\n"job": %s,\n"run": %s,\n' "$hs_version" "$hs_json" "${hs_run:-null}"
    json "$(uname -n)"
    printf '"host": %s,\n"started": "%s",\n"ended": "%s",\n' "$hs_json" "$hs_started" "${hs_times#* }"
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
    printf '"chirp": %s\n}\n' "${hs_chirped:-false}"
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
    forget_lost
    fetch_credentials
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

main "$@"
