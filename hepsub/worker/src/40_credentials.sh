# ---- credentials ----------------------------------------------------------------------------------

# Out of the job's directory, before the manifest is even checked: whatever is wrong with it, they are not
# left behind. What the functions below go through is a table; its fields are encoded as in the manifest:
#   NUMBER file|condor NAME KIND FILE-in-.hepsub/creds SOURCE-or-service
take_credentials() {
    mkdir "$hs_creds"
    hs_row=0
    each_line take_line
}

take_line() {
    case $1 in
        credential)
            decode "$4" || return 0 # and read_line will complain
            case $hs_text in
                '' | . | .. | */*) return 0 ;;
            esac
            if [ -f "./$hs_text" ]; then
                cat "./$hs_text" >"$hs_creds/$hs_text"
                rm -f "./$hs_text"
            fi
            add_credential file "$2" "$3" "$4" "${5:--}"
            ;;
        condorcred) add_credential condor "$2" "$3" "condor.$hs_row.token" "${4:--}" ;;
        environment) take_environment "$2" ;;
        ca)
            decode "$3" || return 0
            case $hs_text in
                '' | . | .. | */*) ;;
                *) [ ! -f "./$hs_text" ] || mv -f "./$hs_text" "$hs_creds/$hs_text" ;;
            esac
            ;;
    esac
}

add_credential() {
    case $3 in
        kerberos | token) ;;
        *) return 0 ;;
    esac
    hs_row=$((hs_row + 1))
    printf '%s\t%s\t%s\t%s\t%s\t%s\n' "$hs_row" "$@" >>"$hs_private/credentials"
}

# Call a function for each credential.
each_credential() {
    [ -s "$hs_private/credentials" ] || return 0
    while IFS=$hs_tab read -r hs_row hs_how hs_cred hs_kind hs_cred_name hs_cred_source <&4; do
        "$1" 4<&-
    done 4<"$hs_private/credentials"
}

# Variables that hold secrets: for each a line `NAME TAB LINES` and so many lines with its value. Nothing but the
# shell's own words touches them, and only the payload gets them.
take_environment() {
    decode "$1" || return 0
    case $hs_text in
        '' | . | .. | */*) ;;
        *) [ ! -f "./$hs_text" ] || mv -f "./$hs_text" "$hs_private/environment" ;;
    esac
}

check_environment() {
    [ -f "$hs_private/environment" ] || die "$hs_e_input" "$1, which holds variables of this job, was not sent"
    each_variable :
}

# Call a function with each variable in hs_variable and hs_value. (In a UTF-8 locale bash takes the end of a line
# for a part of the broken character in front of it.)
each_variable() {
    [ -f "$hs_private/environment" ] || return 0
    while IFS=$hs_tab read -r hs_variable hs_left <&5 || [ -n "$hs_variable" ]; do
        case $hs_variable in
            '' | [0-9]* | *[!A-Za-z0-9_]* | hs_*) broken "the variables beside it have a name that a shell cannot set" ;;
        esac
        number "$hs_left"
        hs_value='' hs_between=''
        while [ "$hs_left" -gt 0 ]; do
            IFS='' LC_ALL=C read -r hs_line <&5 || broken "the value of the variable $hs_variable beside it is cut off"
            hs_value=$hs_value$hs_between$hs_line hs_between=$hs_nl hs_left=$((hs_left - 1))
        done
        "$1" 5<&-
    done 5<"$hs_private/environment"
}

set_variable() { export "$hs_variable=$hs_value"; }

# Where no manifest tells their names, by what hepsub calls them; nowhere but in a batch system's directory.
sweep() {
    [ -n "${_CONDOR_SCRATCH_DIR-}" ] && [ "$(cd "$_CONDOR_SCRATCH_DIR" && pwd -P)" = "$(pwd -P)" ] || return 0
    rm -f ./krb5cc_* ./*.token ./hepsub.environment
}

# Where the payload finds it → hs_cred_path.
present() {
    case $hs_how,$hs_kind in
        condor,kerberos) hs_cred_path=${KRB5CCNAME-} hs_cred_path=${hs_cred_path#FILE:} ;;
        *) decode "$hs_cred_name" && hs_cred_path=$hs_creds/$hs_text ;;
    esac
}

# The times of a credential in a file → hs_begins, hs_ends, hs_renews (until when it can be renewed), each
# in seconds since 1970 or `-`. Fails if there is none, or not a whole one.
look() {
    hs_begins=- hs_ends=- hs_renews=-
    [ -s "$1" ] || return 1
    hs_seen=$("look_$hs_kind" "$1") || {
        [ "$hs_kind" = kerberos ] || return 1
        nap 0.2 # the payload's programs add tickets for services to it
        hs_seen=$(look_kerberos "$1") || return 1
    }
    # shellcheck disable=SC2086 # three words
    set -- $hs_seen
    hs_begins=$1 hs_ends=$2 hs_renews=$3
}

# A file of MIT's or Heimdal's format 3 or 4 (ccache_file_format in MIT's documentation); the ticket that
# counts is the one for the ticket-granting service of the user's own realm. klist speaks many languages.
look_kerberos() {
    od -An -v -tu1 -N 1048576 "$1" | LC_ALL=C awk '@include ccache.awk@'
}

# One line without blanks. The end of a JWT is written in it; of other tokens nobody but their issuer knows it.
look_token() {
    LC_ALL=C awk '@include jwt.awk@' "$1"
}

# What a credential is good for now → hs_state: valid, expired, missing.
weigh() {
    present
    now
    hs_state=missing
    look "$hs_cred_path" || return 0
    hs_state=valid
    [ "$hs_ends" = - ] || [ "$hs_ends" -gt "$hs_now" ] || hs_state=expired
}

# Whether a new one is whole, and better than the one that is there.
better() {
    look "$1" && ! cmp -s "$1" "$hs_cred_path" || return 1
    hs_new_ends=$hs_ends hs_new_last=$hs_ends
    ! lasts || hs_new_last=$hs_renews
    look "$hs_cred_path" || return 0
    [ "$hs_new_ends" != - ] && [ "$hs_ends" != - ] || return 0
    now
    if [ "$hs_ends" -gt "$hs_now" ]; then
        case $hs_kind in
            token) [ "$hs_new_ends" -ge "$hs_ends" ] && return 0 || return 1 ;;
        esac
        [ "$hs_new_ends" -gt "$hs_now" ] || return 1
        hs_last=$hs_ends
        ! lasts || hs_last=$hs_renews
        [ "$hs_new_last" = "$hs_last" ] || { [ "$hs_new_last" -gt "$hs_last" ] && return 0 || return 1; }
    fi
    [ "$hs_new_ends" -gt "$hs_ends" ]
}

# Whether what was looked at can be renewed here beyond its end.
lasts() { [ "$hs_kind" = kerberos ] && [ -n "$hs_kinits" ] && [ "$hs_renews" -gt "$hs_ends" ]; }

# At the start: the copies in the job's directory may be older than their originals, if the job has
# started before.
fetch_credentials() {
    [ -s "$hs_private/credentials" ] || return 0
    find_kinit
    find_aklog
    tend
    heed
    each_credential complain
}

# Programs called kinit, MIT's or Heimdal's; Java has one, too, which is of no use.
find_kinit() {
    case ${HEPSUB_KINIT-} in
        -) return 0 ;;
        ?*) hs_kinits=$HEPSUB_KINIT && return 0 ;;
    esac
    for hs_program in kinit /usr/bin/kinit /usr/lib/mit/bin/kinit /usr/kerberos/bin/kinit /usr/heimdal/bin/kinit; do
        hs_program=$(command -v "$hs_program") || continue
        case " $hs_kinits " in
            *" $hs_program "*) ;;
            *) hs_kinits="$hs_kinits${hs_kinits:+ }$hs_program" ;;
        esac
    done
}

find_aklog() {
    for hs_program in aklog /usr/bin/aklog /usr/afsws/bin/aklog /usr/openafs/bin/aklog; do
        hs_aklog=$(command -v "$hs_program") && return 0
    done
    hs_aklog=
}

# Do for each credential what is due; hs_wake becomes the time of the next thing to do, if that is earlier.
tend() {
    hs_slow=
    each_credential tend_one
}

wake_at() { [ "$1" -ge "$hs_wake" ] || hs_wake=$1; }

tend_one() {
    [ -z "$hs_signal" ] || return 0
    hs_asked=0 hs_ask_again=$hs_busy_s hs_renew_at=0 hs_renew_again=$hs_busy_s hs_last_seen=-
    [ ! -e "$hs_private/due.$hs_row" ] ||
        read -r hs_asked hs_ask_again hs_renew_at hs_renew_again hs_last_seen <"$hs_private/due.$hs_row"
    weigh
    hs_taken=
    if has_source && ask_when && has_time && [ "$hs_now" -ge "$hs_ask_at" ] && [ -z "$hs_slow" ]; then
        hs_asked=$hs_now
        if ask; then
            hs_taken=yes hs_ask_again=$hs_busy_s
        elif [ "$hs_state" != valid ]; then
            twice "$hs_ask_again" && hs_ask_again=$hs_twice
        fi
        now
        # A proxy that does not answer is not asked for the next one, too, in front of a waiting payload.
        [ $((hs_now - hs_asked)) -lt "$hs_chirp_s" ] || hs_slow=yes
        weigh
    fi
    if can_renew && has_time && [ "$hs_now" -ge "$hs_renewal" ] && [ "$hs_left" -gt "$hs_kinit_s" ]; then
        if renew; then
            hs_taken=yes hs_renew_again=$hs_busy_s hs_renew_at=$hs_busy_s
        else
            hs_renew_at=$hs_renew_again
            twice "$hs_renew_again" && hs_renew_again=$hs_twice
        fi
        now
        hs_renew_at=$((hs_renew_at + hs_now))
        weigh
    fi
    { [ -z "$hs_taken" ] && [ -e "$hs_private/afs.$hs_row" ]; } || log_in_to_afs
    printf '%s %s %s %s %s\n' \
        "$hs_asked" "$hs_ask_again" "$hs_renew_at" "$hs_renew_again" "$hs_last_seen" >"$hs_private/due.$hs_row"
    has_time || return 0
    ! has_source || { ask_when && wake_at "$hs_ask_at"; }
    ! can_renew || wake_at "$hs_renewal"
}

has_source() { [ "$hs_how" = condor ] || [ "$hs_cred_source" != - ]; }

# When to ask for a newer one → hs_ask_at: often enough to see it before this one ends, and after its end less
# and less often.
ask_when() {
    hs_pause_s=$hs_refresh_s
    if [ "$hs_state" != valid ]; then
        hs_pause_s=$hs_ask_again
    elif [ "$hs_ends" != - ] && ! { can_renew && [ "$hs_renew_again" = "$hs_busy_s" ]; }; then
        hs_pause_s=$(((hs_ends - hs_asked) / 3))
    fi
    [ "$hs_how" != condor ] || [ "$hs_pause_s" -lt 60 ] || hs_pause_s=60 # a look at a file on this machine
    [ "$hs_pause_s" -ge "$hs_busy_s" ] || hs_pause_s=$hs_busy_s
    [ "$hs_pause_s" -le "$hs_refresh_s" ] || hs_pause_s=$hs_refresh_s
    hs_ask_at=$((hs_asked + hs_pause_s))
}

# Whether there is time for such things: it is the payload's, or the outputs'.
has_time() {
    case $hs_stage in
        after) time_left "$hs_deadline" ;;
        *) time_left "$hs_payload_end" ;;
    esac
    [ "$hs_left" -gt "$hs_busy_s" ]
}

twice() { hs_twice=$(($1 * 2 < hs_refresh_s ? $1 * 2 : hs_refresh_s)); }

# Get a newer one → whether there is one.
ask() {
    hs_new=$hs_creds/.new
    rm -f "$hs_new"
    decode "$hs_cred_source"
    hs_remote=$hs_text
    case $hs_how,$hs_kind in
        condor,kerberos)
            hs_before=$hs_last_seen hs_last_seen=$hs_ends
            [ "$hs_before" != - ] && [ "$hs_ends" != "$hs_before" ] && return 0 || return 1
            ;;
        condor,token) delivered >"$hs_new" ;;
        *)
            [ "$hs_left" -gt "$hs_chirp_s" ] || return 1
            { bounded "$hs_chirp_s" cat "$hs_remote" >"$hs_new" && look "$hs_new"; } || chirp get "$hs_remote" "$hs_new"
            ;;
    esac
    better "$hs_new" && chmod 600 "$hs_new" && put_in_place && return 0
    rm -f "$hs_new"
    return 1
}

# The new one instead of the old one. It is counted first: afterwards may be the payload's end.
put_in_place() {
    [ ! -s "$hs_cred_path" ] || printf . >>"$hs_private/renewed.$hs_row"
    mv -f "$hs_new" "$hs_cred_path"
}

# A token that HTCondor keeps here, bare: it may be JSON. `SERVICE*HANDLE` is in SERVICE_HANDLE.use.
delivered() {
    hs_use=${_CONDOR_CREDS-}/$hs_remote.use
    [ -e "$hs_use" ] || hs_use=${_CONDOR_CREDS-}/$(printf '%s' "$hs_remote" | tr '*.' '__').use
    LC_ALL=C awk '@include access_token.awk@' <"$hs_use"
}

# Whether a ticket can be renewed here, and when that is due → hs_renewal.
can_renew() {
    [ "$hs_how" = file ] && [ "$hs_ends" != - ] && lasts || return 1
    [ "$hs_now" -lt "$hs_renews" ] && [ "$hs_now" -lt $((hs_ends + hs_skew_s)) ] || return 1
    hs_renewal=$((hs_begins + (hs_ends - hs_begins) / 2))
    [ "$hs_renewal" -ge "$hs_renew_at" ] || hs_renewal=$hs_renew_at
}

# A copy, so that the payload's is whole at any time, and stays what it is if this fails.
renew() {
    hs_new=$hs_creds/.renewing hs_old_ends=$hs_ends
    for hs_kinit in $hs_kinits; do
        rm -f "$hs_new"
        { cp "$hs_cred_path" "$hs_new" && chmod 600 "$hs_new"; } || break
        bounded "$hs_kinit_s" run_kinit || continue
        { look "$hs_new" && [ "$hs_ends" -gt "$hs_old_ends" ] && put_in_place; } || continue
        hs_kinits=$hs_kinit
        return 0
    done
    rm -f "$hs_new"
    return 1
}

run_kinit() { exec "$hs_kinit" -R -c "FILE:$hs_top/$hs_new" >/dev/null; }

# An AFS token for this session: a new PAG would need privileges, and would not reach the payload.
log_in_to_afs() {
    [ "$hs_kind" = kerberos ] && [ "$hs_state" = valid ] || return 0
    : >"$hs_private/afs.$hs_row"
    [ -z "$hs_aklog" ] || bounded "$hs_kinit_s" run_aklog
}

run_aklog() {
    [ "$hs_how" = condor ] || export KRB5CCNAME="FILE:$hs_top/$hs_cred_path"
    exec "$hs_aklog" >/dev/null
}

# Tell the payload where its credentials are. For subshells; of two of one kind the first one counts.
hand_over() {
    present
    case $hs_how,$hs_kind in
        condor,kerberos) [ -z "$hs_cred_path" ] || export HepJob_KRB5CCNAME="${hs_cred_path##*/}" ;;
        file,kerberos)
            [ -z "$hs_ticket" ] || return 0
            hs_ticket=$hs_cred
            export KRB5CCNAME="FILE:$hs_top/$hs_cred_path" HepJob_KRB5CCNAME="${hs_cred_path##*/}"
            ;;
        *)
            decode "$hs_cred"
            hs_word=$(printf '%s' "$hs_text" | LC_ALL=C tr '[:lower:]' '[:upper:]' | LC_ALL=C tr -c 'A-Z0-9' '_')
            export "HEPSUB_TOKEN_$hs_word=$hs_top/$hs_cred_path"
            [ -z "$hs_token" ] || return 0
            hs_token=$hs_cred
            unset BEARER_TOKEN # it would win over the file (WLCG Bearer Token Discovery), and cannot be renewed
            export BEARER_TOKEN_FILE="$hs_top/$hs_cred_path"
            ;;
    esac
}

# What the user should know about a credential, once.
complain() {
    weigh
    [ "$hs_state" != valid ] && [ ! -e "$hs_private/said.$hs_row" ] || return 0
    decode "$hs_cred"
    case $hs_stage,$hs_state in
        before,missing)
            say "the credential '$hs_text' is missing, or is not a $hs_kind credential: the payload runs without it; hep_auth on the submit host tells what it needs"
            ;;
        before,expired)
            iso "$hs_ends"
            say "the credential '$hs_text' expired at $hs_iso, and there is no newer one: the payload runs all the same; hep_auth on the submit host tells what it needs"
            ;;
        *,expired)
            iso "$hs_ends"
            say "the credential '$hs_text' expired at $hs_iso, while the job ran, and no newer one came: hep_auth on the submit host tells what it needs"
            ;;
    esac
    : >"$hs_private/said.$hs_row"
}

# Seconds since 1970 as ISO 8601 → hs_iso.
iso() { hs_iso=$(date -u -d "@$1" '+%Y-%m-%dT%H:%M:%SZ') || hs_iso="$1 s after 1970"; }

# A credential in the report.
describe() {
    weigh
    decode "$hs_cred"
    json "$hs_text"
    hs_item="{\"name\": $hs_json, \"kind\": \"$hs_kind\", \"state\": \"$hs_state\", \"expires\": "
    if [ "$hs_ends" = - ]; then hs_iso=null; else iso "$hs_ends" && hs_iso="\"$hs_iso\""; fi
    hs_size=0
    [ ! -e "$hs_private/renewed.$hs_row" ] || size_of "$hs_private/renewed.$hs_row"
    hs_credentials="$hs_credentials${hs_credentials:+, }$hs_item$hs_iso, \"renewed\": $hs_size}"
}

