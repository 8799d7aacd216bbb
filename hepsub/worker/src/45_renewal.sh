# Newer credentials: asked for, renewed here, put in place of the old ones.

# What is due for the credential that `tend` is at: when a newer one was asked for, and how long to wait after a
# failure; when it is renewed next, and how long to wait after a failure; its end when HTCondor's was looked at last.
hs_asked=0 hs_ask_again=0 hs_renew_at=0 hs_renew_again=0 hs_last_seen=-
hs_kinits='' hs_aklog='' # programs
hs_slow= # whether HTCondor's proxy does not answer

# kinit is MIT's or Heimdal's; Java has one, too, which is of no use.
find_kinit() {
    case ${HEPSUB_KINIT-} in
        -) return 0 ;;
        ?*) hs_kinits=$HEPSUB_KINIT && return 0 ;;
    esac
    find_programs kinit /usr/bin/kinit /usr/lib/mit/bin/kinit /usr/kerberos/bin/kinit /usr/heimdal/bin/kinit
    hs_kinits=$hs_found
}

find_aklog() {
    find_programs aklog /usr/bin/aklog /usr/afsws/bin/aklog /usr/openafs/bin/aklog
    hs_aklog=$hs_found_first
}

# Do for each credential what is due; hs_wake becomes the time of the next thing to do, if that is earlier.
tend() {
    hs_slow='' hs_letters_read=
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

has_source() { [ "$hs_how" = condor ] || [ "$hs_cred_source" != - ] || [ -n "$hs_mailbox" ]; }

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

# A pause, doubled, but not beyond the longest one → hs_twice.
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
        condor,token) delivered "$hs_remote" >"$hs_new" ;;
        *)
            [ "$hs_left" -gt "$hs_chirp_s" ] || return 1
            { [ "$hs_cred_source" != - ] && ask_source "$hs_remote" "$hs_new"; } || from_letter "$hs_new"
            ;;
    esac
    better "$hs_new" && chmod 600 "$hs_new" && put_in_place "$hs_new" && return 0
    rm -f "$hs_new"
    return 1
}

# Directly, or by chirp: PATH FILE
ask_source() {
    { bounded "$hs_chirp_s" cat "$1" >"$2" && look "$2"; } || chirp get "$1" "$2"
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

# The new one instead of the old one. It is counted first: afterwards may be the payload's end.
put_in_place() {
    [ ! -s "$hs_cred_path" ] || printf . >>"$hs_private/renewed.$hs_row"
    mv -f "$1" "$hs_cred_path"
}

# A token that HTCondor keeps here, bare: it may be JSON. SERVICE; `SERVICE*HANDLE` is in SERVICE_HANDLE.use.
delivered() {
    hs_use=${_CONDOR_CREDS-}/$1.use
    [ -e "$hs_use" ] || hs_use=${_CONDOR_CREDS-}/$(printf '%s' "$1" | tr '*.' '__').use
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
        bounded "$hs_kinit_s" run_kinit "$hs_kinit" "$hs_new" || continue
        { look "$hs_new" && [ "$hs_ends" -gt "$hs_old_ends" ] && put_in_place "$hs_new"; } || continue
        hs_kinits=$hs_kinit
        return 0
    done
    rm -f "$hs_new"
    return 1
}

run_kinit() { exec "$1" -R -c "FILE:$hs_top/$2" >/dev/null; }

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
