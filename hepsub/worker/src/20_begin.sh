# ---- the beginning --------------------------------------------------------------------------------

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

# Leave, if a signal said so before the payload ran.
heed() {
    [ -n "$hs_signal" ] || return 0
    hs_code=$((128 + $(signal_number "$hs_signal"))) hs_message="ended by SIG$hs_signal before the payload was started"
    say "$hs_message"
    hs_finished=yes
    exit "$hs_code"
}

signal_number() {
    case $1 in
        HUP) echo 1 ;; INT) echo 2 ;; QUIT) echo 3 ;; USR1) echo 10 ;; USR2) echo 12 ;;
        *) echo 15 ;;
    esac
}

