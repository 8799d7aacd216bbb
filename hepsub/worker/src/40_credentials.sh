# Credentials, and variables that are secrets: taken in, looked at, handed over, reported.

# The credential that `each_credential` is at, as its row says it,
hs_row='' hs_how='' hs_cred='' hs_kind='' hs_cred_name='' hs_cred_source=''
# where it is, what it is good for, and the times that `look` has seen last.
hs_cred_path='' hs_state=missing hs_begins=- hs_ends=- hs_renews=-
# The variable that `each_variable` is at.
hs_variable='' hs_value=''
hs_ticket='' hs_token='' # the first one of its kind, which the payload has got

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
            file_named "$4" || return 0 # and read_line will complain
            if [ -f "./$hs_text" ]; then
                cat "./$hs_text" >"$hs_creds/$hs_text"
                rm -f "./$hs_text"
            fi
            add_credential file "$2" "$3" "$4" "${5:--}"
            ;;
        condorcred) add_credential condor "$2" "$3" "condor.$hs_row.token" "${4:--}" ;;
        mailbox) [ -e "$hs_mail" ] || take_keys "$2" "$3" ;;
        environment) file_named "$2" && [ -f "./$hs_text" ] && mv -f "./$hs_text" "$hs_private/environment" ;;
        ca) file_named "$3" && [ -f "./$hs_text" ] && mv -f "./$hs_text" "$hs_creds/$hs_text" ;;
    esac
}

# The name of a file, without a directory, that a field holds → hs_text. Fails for what is none.
file_named() {
    decode "$1" || return 1
    case $hs_text in
        '' | . | .. | */*) return 1 ;;
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
check_environment() {
    [ -f "$hs_private/environment" ] || die "$hs_e_input" "$1, which holds variables of this job, was not sent"
    each_variable :
}

# Call a function with each variable in hs_variable and hs_value. (In a UTF-8 locale bash takes the end of a line
# for a part of the broken character in front of it.)
each_variable() {
    [ -f "$hs_private/environment" ] || return 0
    while IFS=$hs_tab read -r hs_variable hs_lines_left <&5 || [ -n "$hs_variable" ]; do
        case $hs_variable in
            '' | [0-9]* | *[!A-Za-z0-9_]* | hs_*) broken "the variables beside it have a name that a shell cannot set" ;;
        esac
        number "$hs_lines_left"
        hs_value='' hs_between=''
        while [ "$hs_lines_left" -gt 0 ]; do
            IFS='' LC_ALL=C read -r hs_line <&5 || broken "the value of the variable $hs_variable beside it is cut off"
            hs_value=$hs_value$hs_between$hs_line hs_between=$hs_nl hs_lines_left=$((hs_lines_left - 1))
        done
        "$1" 5<&-
    done 5<"$hs_private/environment"
}

set_variable() { export "$hs_variable=$hs_value"; }

# Where no manifest tells their names, by what hepsub calls them; nowhere but in a batch system's directory.
sweep() {
    [ -n "${_CONDOR_SCRATCH_DIR-}" ] && [ "$(cd "$_CONDOR_SCRATCH_DIR" && pwd -P)" = "$(pwd -P)" ] || return 0
    rm -f ./krb5cc_* ./*.token ./hepsub.environment ./hepsub.letters.*
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
    [ "$hs_how" = condor ] || tell_mailbox
    : >"$hs_private/said.$hs_row"
}

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
