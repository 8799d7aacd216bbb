# A letter: sealed for this submission's jobs, signed by the submit side (CMS). Whoever runs the store, or has found
# the object's name, can keep letters back, but can neither write nor change one, nor bring an old one back.

hs_flaw=   # why it is not taken; empty for one that has been read already
hs_serial= # its number

# Unseal what was fetched, and see who signed it: KIND. Nothing but the signer's own certificate counts, whatever
# certificates the letter brings and whomever this machine trusts.
open_letter() {
    rm -f "$hs_mail/signed" "$hs_mail/opened" "$hs_mail/who"
    hs_flaw=
    bounded "$hs_letter_s" decrypt_letter || hs_flaw="it is not sealed for this job"
    if [ -z "$hs_flaw" ]; then
        { bounded "$hs_letter_s" verify_letter && [ -s "$hs_mail/who" ]; } ||
            hs_flaw="it is not signed by the submit host"
    fi
    rm -f "$hs_mail/sealed" "$hs_mail/signed"
    [ -n "$hs_flaw" ] || return 0
    [ -z "$hs_signal" ] || return 1
    if [ "$hs_bounded" -gt 128 ]; then hs_flaw="openssl cannot read it (code $hs_bounded)"; else remember_etag "$1"; fi
    not_taken "$1"
    return 1
}

# A user's, or a site's, settings for openssl may forbid what letters need.
decrypt_letter() {
    export OPENSSL_CONF=/dev/null
    exec "$hs_openssl" cms -decrypt -inform DER -in "$hs_mail/sealed" \
        -recip "$hs_mail/recipient.pem" -inkey "$hs_mail/recipient.pem" -out "$hs_mail/signed"
}

verify_letter() {
    export OPENSSL_CONF=/dev/null
    exec "$hs_openssl" cms -verify -binary -inform DER -in "$hs_mail/signed" -noverify -nointern \
        -certfile "$hs_mail/signer.crt" -signer "$hs_mail/who" -out "$hs_mail/opened"
}

# Whether the opened letter is this job's, newer and whole: KIND → hs_serial, hs_flaw. What stands below its first
# line is in a file then.
is_newer() {
    hs_1='' hs_2=''
    { IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_4 hs_serial && cat >"$hs_mail/letter"; } <"$hs_mail/opened"
    rm -f "$hs_mail/opened"
    hs_flaw="it is no letter of hepsub's"
    [ "$hs_1 $hs_2" = "hepsub-letter $hs_version" ] && is_serial "$hs_serial" || return 1
    hs_flaw="it is for another job"
    [ "$hs_3,$hs_4" = "$1,$hs_letter_id" ] || return 1
    hs_flaw=
    [ "$hs_serial" != "$hs_letter_serial" ] || return 1
    hs_flaw="it is older than what the job has"
    is_larger "$hs_serial" "$hs_letter_serial" || return 1
    hs_flaw="it is not whole"
    case $1 in
        manifest) is_ours "$hs_mail/letter" ;;
        *) credential_in_letter - "$hs_mail/letter" >/dev/null ;;
    esac
}

is_serial() {
    case $1 in
        '' | *[!0-9]* | 0?* | ?????????????????*) return 1 ;;
    esac
}

# Whether a serial is larger than another. There are shells that count to 2^31.
is_larger() {
    if [ "${#1}" -ne "${#2}" ]; then
        [ "${#1}" -gt "${#2}" ]
        return
    fi
    hs_high=${1%????????} hs_other_high=${2%????????}
    case $1 in
        ?????????*) ;;
        *) hs_high=0 hs_other_high=0 ;;
    esac
    [ "$hs_high" -gt "$hs_other_high" ] ||
        { [ "$hs_high" -eq "$hs_other_high" ] && [ "1${1#"$hs_high"}" -gt "1${2#"$hs_high"}" ]; }
}

# The base64 of one of the credentials in a letter; fails for a letter that is not whole: FILE LETTER
credential_in_letter() {
    HS_FILE=$1 LC_ALL=C awk '@include letter.awk@' "$2"
}

# What the newest letter has for the credential that `tend` is at: FILE. All of one round come from one letter, and a
# newer manifest may know a newer URL for it.
from_letter() {
    [ -n "$hs_mailbox" ] || return 1
    if [ -z "$hs_letters_read" ]; then
        hs_letters_read=yes
        now
        [ $((hs_now - hs_letter_asked)) -lt "$hs_busy_s" ] || take_letter manifest
        take_letter credentials
    fi
    [ -s "$hs_mail/credentials" ] || return 1
    credential_in_letter "$hs_cred_name" "$hs_mail/credentials" | "$hs_openssl" base64 -d >"$1"
}
