# The manifest: checked before anything is done, and newer versions of it.

hs_url= # the newest one, as `look_up` has found it

broken() { die "$hs_e_contract" "$hs_manifest_name: $*"; }

# Call a function with the fields of each line. The file is read through a descriptor of its own, so
# that it may be replaced meanwhile.
each_line() {
    while IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_4 hs_5 hs_rest_of_line <&4 || [ -n "$hs_1" ]; do
        "$1" "$hs_1" "$hs_2" "$hs_3" "$hs_4" "$hs_5" 4<&-
        hs_1=
    done 4<"$hs_private/manifest"
}

read_manifest() {
    IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_rest_of_line <"$hs_private/manifest"
    [ "$hs_1" = hepsub-manifest ] || broken "its first line is not that of a manifest"
    [ "$hs_2" = "$hs_version" ] || broken "version $hs_2, but this wrapper knows version $hs_version only: reinstall hepsub"
    [ -n "$hs_3" ] || broken "it names no job"
    hs_job=$hs_3
    each_line read_line
    [ -n "$hs_payload" ] || broken "it names no payload"
}

# What a manifest may say: action and fields, in the words of README.md (a test compares the two, and what
# bundle/manifest.py writes).
hs_lines='
hepsub-manifest: 1 JOBID
payload: PATH
submitdir: PATH
workdir: PATH
credential: NAME KIND FILE SOURCE
condorcred: NAME KIND SERVICE
environment: FILE
mailbox: KEYFILE CERTFILE
letter: KIND ID SERIAL URL
ca: PREFIX FILE
isolation: KIND
image: IMAGE
bind: PATH
newfiles:
confined:
source: PATH
walltime: SECONDS GRACE
homelimit: BYTES
putlimit: BYTES
sent: NAME
copylimit: BYTES FILES
copy: NAME PATH
link: NAME PATH
input: NAME SIZE CHECKSUM URL
library: NAME KIND FILE
output: NAME FLAGS URL
glob: PATTERN FLAGS URL FORM
move: NAME FLAGS PATH
home: NAME FLAGS -
moveglob: PATTERN FLAGS PATH
homeglob: PATTERN FLAGS -
unmark: URL
marker: URL
'

# One line, before anything is done: a job with a broken contract must not run for three days first.
read_line() {
    hs_words=${hs_lines#*"$hs_nl$1:"}
    if [ "$hs_words" = "$hs_lines" ]; then
        case $1 in
            [a-z]*) return 0 ;; # of a later hepsub, which can do without
            *) broken "a line that this wrapper does not know begins with '$1': reinstall hepsub" ;;
        esac
    fi
    check_fields "${hs_words%%"$hs_nl"*}" "$@"
    use_line "$@"
}

# Each field of a line is what its word says: WORDS ACTION FIELD…
check_fields() {
    hs_fields=$1 hs_kind_of_line=$2 hs_called=$3
    shift 2
    for hs_word in $hs_fields; do
        check_field "$1" "$hs_kind_of_line,$hs_word" "$hs_called"
        shift
    done
}

# FIELD ACTION,WORD, and what the first field of the line is, for messages.
check_field() {
    case $2 in
        *,- | *,SERVICE | hepsub-manifest,*) ;;
        credential,NAME | condorcred,NAME | submitdir,PATH | payload,PATH | source,PATH | ca,PREFIX | isolation,KIND) path "$1" ;;
        library,NAME)
            path "$1"
            case $hs_text in
                */* | . | ..) broken "'$1' is not the name of a library" ;;
            esac
            ;;
        library,FILE | *,NAME | *,PATTERN) inside "$1" ;;
        image,IMAGE)
            path "$1"
            case $hs_text in
                /* | *://*) ;;
                *) inside "$1" ;;
            esac
            ;;
        mailbox,KEYFILE | mailbox,CERTFILE) file_name "$1" "a key of the mailbox" ;;
        letter,ID) path "$1" ;;
        letter,SERIAL) is_serial "$1" || broken "'$1' is not the serial of a letter" ;;
        ca,FILE) file_name "$1" "an authority" ;;
        credential,FILE) file_name "$1" "the credential $3" ;;
        environment,FILE) inside "$1" ;;
        *,PATH) absolute "$1" ;;
        *,SOURCE) [ "$1" = - ] || absolute "$1" ;;
        *,SIZE) [ "$1" = - ] || number "$1" ;;
        *,SECONDS | *,GRACE | *,BYTES | *,FILES) number "$1" ;;
        *,CHECKSUM)
            case $1 in
                - | md5:* | sha256:*) ;;
                *) broken "checksum of $3: neither md5:… nor sha256:… nor -" ;;
            esac
            ;;
        library,KIND)
            case $1 in
                dir | file) ;;
                *) broken "the library $3 is of the kind '$1', which this wrapper does not know: reinstall hepsub" ;;
            esac
            ;;
        letter,KIND)
            case $1 in
                manifest | credentials) ;;
                *) broken "a letter is of the kind '$1', which this wrapper does not know: reinstall hepsub" ;;
            esac
            ;;
        *,KIND)
            case $1 in
                kerberos | token) ;;
                *) broken "the credential $3 is of the kind '$1', which this wrapper does not know: reinstall hepsub" ;;
            esac
            ;;
        *,FLAGS)
            case $1 in
                - | '?') ;;
                *) broken "flags '$1' of $3" ;;
            esac
            ;;
        marker,URL | unmark,URL) url "$1" "the marker" ;;
        letter,URL) web "$1" "the letter" ;;
        *,URL) url "$1" "$3" ;;
        *,FORM) [ -n "$1" ] || broken "no form for the pattern $3" ;;
    esac
}

# What a line changes for the others, and for the job as a whole.
use_line() {
    case $1 in
        payload) use_payload "$2" ;;
        submitdir) decode "$2" && hs_submitdir=$hs_text ;;
        workdir) decode "$2" && hs_workdir=$hs_text ;;
        condorcred)
            case $3,$4 in
                kerberos,* | token,[!-/]*) ;;
                *) broken "'$4' is not the service of the credential $2" ;;
            esac
            ;;
        environment) check_environment "$2" ;;
        ca) decode "$2" && printf '%s\t%s\n' "$hs_text" "$3" >>"$hs_private/authorities" ;;
        isolation) decode "$2" && hs_isolation=$hs_text ;;
        image) use_image "$2" ;;
        bind) printf '%s\n' "$2" >>"$hs_private/binds" ;;
        newfiles) hs_brings_new=yes ;;
        confined) hs_confined=yes ;;
        source) decode "$2" && hs_source=$hs_text ;;
        walltime)
            hs_walltime_s=$2 hs_grace_s=$3
            [ "$hs_grace_s" -lt "$hs_walltime_s" ] || hs_grace_s=$((hs_walltime_s / 2))
            ;;
        homelimit) hs_homelimit=$2 ;;
        putlimit) hs_putlimit=$2 ;;
        copylimit) hs_copy_bytes=$2 hs_copy_files=$3 ;;
        sent | copy | link | input) decode "$2" && known "$hs_text" ;;
        library) hs_has_lib=yes ;;
        letter) note_serial "$2" "$4" ;;
        output | glob | marker) hs_by_url=yes ;;
        move | moveglob) hs_moves=yes ;;
    esac
}

use_payload() {
    decode "$1"
    hs_payload=$hs_text
    case $hs_payload in
        /*) ;;
        *) inside "$1" && hs_payload=./$hs_text && known "$hs_text" ;;
    esac
    [ -z "$hs_sealed_payload" ] || [ "$1" = "$hs_sealed_payload" ] ||
        die "$hs_e_sent" "the manifest names '$hs_text' as the payload, which is not what was submitted"
}

use_image() {
    decode "$1" && hs_image=$hs_text
    case $hs_image in
        /* | *://*) ;;
        *) hs_image=./$hs_image ;;
    esac
}

known() { hs_known=$hs_known$1$hs_nl; }

path() { { decode "$1" && [ -n "$hs_text" ]; } || broken "'$1' is not a path"; }

absolute() {
    path "$1"
    case $hs_text in
        /*) ;;
        *) broken "'$1' is not an absolute path" ;;
    esac
}

# A name inside the job's directory, and outside the wrapper's own.
inside() {
    path "$1"
    case /$hs_text/ in
        //* | */../* | */./* | *//*) broken "'$1' is not a name inside the job's directory" ;;
        "/$hs_private/"* | "/$hs_home/"* | "/$hs_lib/"*) broken "'$1' is a name that hepsub needs for itself" ;;
    esac
}

file_name() {
    inside "$1"
    case $hs_text in
        */*) broken "'$1' is not the file name of $2" ;;
    esac
}

number() {
    case $1 in
        '' | *[!0-9]*) broken "'$1' is not a number" ;;
    esac
}

url() {
    web "$@"
    hs_needs_http=yes
}

# The URL itself is not told.
web() {
    case $1 in
        http://*/* | https://*/*) ;;
        *) broken "the URL of $2 is neither http:// nor https://" ;;
    esac
}

# The newest manifest: a file name that nobody else uses at the same time → whether there is one.
# Directly where the submit side's file system is here (embedded pool, home site), else by chirp, else by a letter.
refresh() {
    hs_new=$hs_private/$1
    rm -f "$hs_new"
    if [ "$hs_source" != - ] && reach_source "$hs_new"; then
        mv -f "$hs_new" "$hs_private/manifest"
    else
        take_letter manifest
    fi
}

reach_source() {
    { bounded "$hs_chirp_s" cat "$hs_source" >"$1" && is_ours "$1"; } ||
        { chirp get "$hs_source" "$1" && is_ours "$1"; }
}

# Whether there is anything to ask for a newer one.
has_newer() { [ "$hs_source" != - ] || [ -n "$hs_mailbox" ]; }

is_ours() {
    hs_1='' hs_3=''
    IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_rest_of_line <"$1"
    [ "$hs_1 $hs_2 $hs_3" = "hepsub-manifest $hs_version $hs_job" ]
}

# What the newest manifest says now: ACTION NAME-as-there URL → hs_url, hs_form. Two lines may have one
# name (two destinations): the URLs' paths tell them apart.
look_up() {
    bare "$3"
    hs_old_bare=$hs_bare
    while IFS=$hs_tab read -r hs_1 hs_2 hs_3 hs_4 hs_5 hs_rest_of_line || [ -n "$hs_1" ]; do
        [ "$hs_1" = "$1" ] || continue
        case $1 in
            input) hs_candidate=$hs_5 ;;
            marker | unmark) hs_candidate=$hs_2 hs_2=$2 ;;
            *) hs_candidate=$hs_4 ;;
        esac
        [ "$hs_2" = "$2" ] || continue
        bare "$hs_candidate"
        [ "$hs_bare" = "$hs_old_bare" ] || continue
        hs_url=$hs_candidate
        [ "$1" = glob ] && hs_form=$hs_5
        return 0
    done <"$hs_private/manifest"
}
