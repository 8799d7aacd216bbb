# The mailbox: letters in a store, with newer manifests and credentials, where no shadow brings them.

hs_mailbox=         # whether the keys are here
hs_openssl=         # what opens letters; `-`: nothing here does
# What the newest manifest says of the letter that is asked for, and which of its versions has been read already;
hs_letter_id='' hs_letter_serial=0 hs_letter_url='' hs_letter_etag=''
hs_letter_bytes=0   # how large it may be, and when the request for it has to end;
hs_letter_end=1
hs_answer=          # what became of that: the exit code and the status
hs_letter_asked=0   # when the letter with a manifest was asked for last
hs_letters_read=    # whether `tend` has asked already, for another credential

# The recipient's key with its certificate, and the signer's certificate: out of the job's directory, like credentials.
take_keys() {
    mkdir "$hs_mail"
    take_key "$1" recipient.pem
    take_key "$2" signer.crt
    [ -s "$hs_mail/recipient.pem" ] && [ -s "$hs_mail/signer.crt" ] && hs_mailbox=yes && return 0
    say "the keys of the mailbox were not sent: newer credentials and URLs do not come by it"
}

# A link is nothing that was sent.
take_key() {
    file_named "$1" || return 0
    [ -L "./$hs_text" ] || [ ! -f "./$hs_text" ] || cat "./$hs_text" >"$hs_mail/$2"
    rm -f "./$hs_text"
}

# The letter that this manifest, and the credentials that came with it, are as new as: KIND SERIAL
note_serial() { printf '%s\n' "$2" >"$hs_private/serial.$1"; }

# Before the job begins: what came with it may have waited for days.
open_mailbox() {
    [ -n "$hs_mailbox" ] || return 0
    read_address
    refresh new
    heed
}

# A schedd that has the files of a job cannot be sent newer ones, but its ad, as it was at the start, has a newer URL: as
# a line of the manifest it counts until there is a newer one.
read_address() {
    [ -r "${_CONDOR_JOB_AD:-.job.ad}" ] && find_letter manifest || return 0
    hs_2=$(LC_ALL=C sed -n 's|^HepSub_Letter *= *"\(https\{0,1\}://[^"[:space:]\\]*\)"$|\1|p' \
        "${_CONDOR_JOB_AD:-.job.ad}" | head -n 1)
    [ -z "$hs_2" ] ||
        printf 'letter\tmanifest\t%s\t%s\t%s\n' "$hs_letter_id" "$hs_letter_serial" "$hs_2" >>"$hs_private/manifest"
}

# The newest manifest instead of the one that is here, or credentials to where `from_letter` finds them: KIND
take_letter() {
    [ -n "$hs_mailbox" ] && find_letter "$1" && can_open && fetch_letter "$1" && open_letter "$1" || return 1
    remember_etag "$1"
    if ! is_newer "$1"; then
        not_taken "$1"
        return 1
    fi
    case $1 in
        manifest) mv -f "$hs_mail/letter" "$hs_private/manifest" ;;
        *) mv -f "$hs_mail/letter" "$hs_mail/credentials" ;;
    esac
    note_serial "$1" "$hs_serial"
    rm -f "$hs_mail/why"
}

# The line of the newest manifest: KIND → hs_letter_id, hs_letter_serial (what a newer one has to exceed),
# hs_letter_url.
find_letter() {
    hs_letter_url=
    # shellcheck disable=SC2034 # read needs a name for what it skips
    while IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_4 hs_5 hs_rest_of_line || [ -n "$hs_1" ]; do
        { [ "$hs_1,$hs_2" = "letter,$1" ] && is_serial "$hs_4"; } || continue
        hs_letter_id=$hs_3 hs_letter_serial=$hs_4 hs_letter_url=$hs_5
    done <"$hs_private/manifest"
    case $hs_letter_url in
        http://*/* | https://*/*) ;;
        *) return 1 ;;
    esac
    [ -e "$hs_private/serial.$1" ] || return 0
    read -r hs_2 <"$hs_private/serial.$1"
    # That a newer manifest names newer credentials does not bring them here.
    [ "$1" = manifest ] && is_larger "$hs_letter_serial" "$hs_2" || hs_letter_serial=$hs_2
}

# Whether there is what it takes; what is missing is told once.
can_open() {
    [ "$hs_openssl" != - ] || return 1
    [ -z "$hs_openssl" ] || return 0
    find_openssl
    [ "$hs_openssl" = - ] || ! find_http || return 0
    hs_lack="no openssl"
    [ "$hs_openssl" = - ] || hs_lack="neither curl nor python3"
    hs_openssl=-
    [ -e "$hs_private/said.openssl" ] ||
        say "$hs_lack on $(uname -n): newer credentials and URLs do not come by the mailbox, the job goes on with what it has"
    : >"$hs_private/said.openssl"
    return 1
}

# One that works: a user's own may want the libraries that it came with.
find_openssl() {
    hs_openssl=${HEPSUB_OPENSSL-}
    [ -z "$hs_openssl" ] || return 0
    find_programs openssl /usr/bin/openssl /usr/local/bin/openssl
    for hs_openssl in $hs_found -; do
        [ "$hs_openssl" = - ] || ! "$hs_openssl" version >/dev/null || return 0
    done
}

# A letter into the mailbox's own files: those of a transfer that was refused, and waits for this, stay. KIND; fails
# where there is none that is new.
fetch_letter() {
    may_ask || return 1
    hs_letter_begun=$hs_now
    [ "$1" != manifest ] || hs_letter_asked=$hs_now
    bound_letter "$1"
    hs_letter_etag=
    [ ! -e "$hs_mail/etag.$1" ] || read -r hs_letter_etag <"$hs_mail/etag.$1"
    rm -f "$hs_mail/sealed"
    hs_kept_status=$hs_status hs_exchange=$hs_mail
    exchange letter "$hs_letter_url" "$hs_mail/sealed" "$hs_letter_end" "$hs_letter_s"
    hs_answer=$hs_exit,$hs_status
    hs_exchange=$hs_private hs_status=$hs_kept_status
    [ -z "$hs_signal" ] || return 1
    size_of "$hs_mail/sealed"
    case $hs_answer,$((hs_size > hs_letter_bytes)) in
        63,* | *,1)
            hs_flaw="it is larger than $hs_letter_bytes bytes"
            not_taken "$1"
            ;;
        0,2*) return 0 ;;
        *,[345]??,*) # an answer, if a slow one: there may be a letter of the other kind
            miss_letter
            return 1
            ;;
        *) miss_letter ;;
    esac
    leave_alone "$hs_letter_begun"
    return 1
}

# How large a letter may be: KIND → hs_letter_bytes. A newer manifest has as many lines, perhaps with longer URLs.
bound_letter() {
    hs_letter_bytes=$hs_letter_max
    [ "$1" = manifest ] || return 0
    size_of "$hs_private/manifest"
    [ $((hs_size * 4)) -le "$hs_letter_bytes" ] || hs_letter_bytes=$((hs_size * 4))
}

# Whether the store may be asked now, and for how long → hs_letter_end: outputs need the time more.
may_ask() {
    has_time || return 1
    hs_letter_end=$((hs_letter_s * 3))
    [ "$hs_letter_end" -le $((hs_left / 4)) ] || hs_letter_end=$((hs_left / 4))
    [ "$hs_letter_end" -gt 0 ] || return 1
    [ ! -e "$hs_mail/later" ] || ! read -r hs_2 <"$hs_mail/later" || [ "$hs_now" -ge "$hs_2" ]
}

# A store that has cost so much time is not asked again soon: a payload, or outputs, wait meanwhile. BEGUN
leave_alone() {
    now
    hs_letter_took=$((hs_now - $1))
    [ "$hs_letter_took" -lt "$hs_busy_s" ] && [ "$hs_letter_took" -lt "$hs_letter_s" ] ||
        printf '%s\n' $((hs_now + hs_refresh_s)) >"$hs_mail/later"
}

# Why there is no letter: nothing to complain of, unless something ends.
miss_letter() {
    hs_2=${hs_answer#*,}
    case $hs_2 in
        304) [ -e "$hs_mail/why" ] && return 0 || hs_2="nobody has written a newer letter" ;;
        404) hs_2="nobody has written a letter (HTTP 404)" ;;
        40[013]) hs_2="the URL of the letter is not, or no longer, good (HTTP $hs_2)" ;;
        000) hs_2="the store does not answer (code ${hs_answer%,*})" ;;
        2*) hs_2="the connection broke (code ${hs_answer%,*})" ;;
        *) hs_2="HTTP $hs_2" ;;
    esac
    printf '%s\n' "$hs_2" >"$hs_mail/why"
}

# A letter that is not taken is told once: who can write into the store could fill stderr. One that has been read
# already is nothing to tell.
not_taken() {
    rm -f "$hs_mail/sealed" "$hs_mail/signed" "$hs_mail/opened" "$hs_mail/letter"
    hs_2="nobody has written a newer letter"
    [ -z "$hs_flaw" ] || hs_2="the letter there is not taken: $hs_flaw"
    printf '%s\n' "$hs_2" >"$hs_mail/why"
    [ -n "$hs_flaw" ] && [ ! -e "$hs_private/said.$1" ] || return 0
    : >"$hs_private/said.$1"
    say "a letter in the mailbox is not taken: $hs_flaw; the job goes on with the $1 it has"
}

# Something has ended, and nothing newer came: why, once.
tell_mailbox() {
    [ -n "$hs_mailbox" ] && [ -s "$hs_mail/why" ] && [ ! -e "$hs_private/said.mailbox" ] || return 0
    : >"$hs_private/said.mailbox"
    read -r hs_2 <"$hs_mail/why"
    say "nothing newer came by the mailbox: $hs_2"
}

remember_etag() {
    hs_exchange=$hs_mail
    header etag
    hs_exchange=$hs_private
    rm -f "$hs_mail/etag.$1"
    [ -z "$hs_header" ] || printf '%s\n' "$hs_header" >"$hs_mail/etag.$1"
}

# For subshells. A store need not say how much it sends, and old curls believe it: the kernel ends it.
limit_letter() {
    # shellcheck disable=SC3045 # every shell has it, and if not, there is a core file
    ulimit -c 0
    # shellcheck disable=SC3045 # in blocks of 512 bytes, or of 1024
    ulimit -f $((hs_letter_bytes / 512 + 8))
}
