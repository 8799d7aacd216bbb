# Asking HTCondor, and telling it: chirp, and the job's ad.

hs_chirp_config=     # the file that says where HTCondor's I/O proxy is,
hs_chirp_program=    # a condor_chirp,
hs_chirp_ways=       # and what can speak with it, the best first
hs_phase=            # what the job is at,
hs_since=0           # since when,
hs_away=             # and the store that does not answer, with the moment when that was seen first

# HTCondor's I/O proxy is a TCP port on this machine. A file in the sandbox says which, and the cookie.
find_chirp() {
    for hs_chirp_config in "${_CONDOR_CHIRP_CONFIG-}" "${_CONDOR_SCRATCH_DIR:-.}/.chirp.config" .chirp.config ''; do
        [ -n "$hs_chirp_config" ] && [ -r "$hs_chirp_config" ] && break
    done
    [ -n "$hs_chirp_config" ] || return 0
    find_programs condor_chirp /usr/libexec/condor/condor_chirp /usr/lib/condor/libexec/condor_chirp
    hs_chirp_program=$hs_found_first
    hs_chirp_ways=${hs_found:+program}
    for hs_way in python3 bash; do
        ! command -v "$hs_way" >/dev/null || hs_chirp_ways="$hs_chirp_ways $hs_way"
    done
}

# get REMOTE LOCAL | set ATTRIBUTE EXPRESSION: by the first way that works.
chirp() {
    for hs_way in $hs_chirp_ways; do
        [ -z "$hs_signal" ] || return 1
        bounded "$hs_chirp_s" "chirp_by_$hs_way" "$@" || continue
        : >"$hs_private/chirped"
        hs_chirp_ways=$hs_way
        return 0
    done
    return 1
}

chirp_by_program() {
    case $1 in
        get) exec "$hs_chirp_program" fetch "$2" "$3" >/dev/null ;;
        set) exec "$hs_chirp_program" set_job_attr_delayed "$2" "$3" >/dev/null ;;
    esac
}

chirp_by_python3() {
    exec python3 -IS -c '@include chirp.py@' "$1" "$hs_chirp_config" "$2" "$3"
}

chirp_by_bash() {
    exec bash --norc --noprofile -c '@include chirp.bash@' hepsub "$1" "$hs_chirp_config" "$2" "$3"
}

# Tell the job's ad what is going on. Delayed, so that ten thousand jobs do not each make the schedd
# write to its disk; HTCondor allows that only for names that begin with Chirp.
phase() {
    hs_phase=$1
    now
    hs_since=$hs_now
    [ -z "$hs_chirp_ways" ] || chirp set ChirpHepSub_Phase "\"$1\""
    tell_stage
}

# The same with times, and with the store that does not answer; the embedded pool reads the file.
tell_stage() {
    printf '%s\n' "$hs_phase $hs_since${hs_away:+ $hs_away}" >"$hs_home/stage"
    [ -n "$hs_chirp_ways" ] || return 0
    classad "$hs_phase $hs_since${hs_away:+ $hs_away}"
    chirp set ChirpHepSub_Stage "$hs_string"
}

# Which run of the job this is, as HTCondor counts: its ad here is of the moment before the start.
count_run() {
    [ -r "${_CONDOR_JOB_AD:-.job.ad}" ] || return 0
    hs_run=1
    # shellcheck disable=SC2034 # read needs a name for what it skips
    while IFS=' =' read -r hs_1 hs_2 hs_rest_of_line; do
        case $hs_1,$hs_2 in
            *,*[!0-9]* | *,) ;;
            [Nn]um[Jj]ob[Ss]tarts,*) hs_run=$((hs_2 + 1)) ;;
        esac
    done <"${_CONDOR_JOB_AD:-.job.ad}"
}

# What an earlier run of this job told is true no longer.
forget_told() {
    [ -n "$hs_chirp_ways" ] || return 0
    for hs_name in Lost Stage; do
        ! grep -q -i "^ChirpHepSub_$hs_name *= *\"" "${_CONDOR_JOB_AD:-.job.ad}" ||
            chirp set "ChirpHepSub_$hs_name" undefined
    done
}
