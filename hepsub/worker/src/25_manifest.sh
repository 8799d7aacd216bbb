# The manifest: checked before anything is done, and newer versions of it.

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

# One line, before anything is done: a job with a broken contract must not run for three days first.
read_line() {
    case $1 in
        hepsub-manifest) ;;
        payload)
            path "$2"
            hs_payload=$hs_text
            case $hs_payload in
                /*) ;;
                *) inside "$2" && hs_payload=./$hs_text && known "$hs_text" ;;
            esac
            [ -z "$hs_sealed_payload" ] || [ "$2" = "$hs_sealed_payload" ] ||
                die "$hs_e_sent" "the manifest names '$hs_text' as the payload, which is not what was submitted"
            ;;
        submitdir) path "$2" && hs_submitdir=$hs_text ;;
        workdir) absolute "$2" && hs_workdir=$hs_text ;;
        credential)
            kind "$3" "$2" && inside "$4"
            case $hs_text in
                */*) broken "'$4' is not the file name of the credential $2" ;;
            esac
            [ "$5" = - ] || absolute "$5"
            ;;
        condorcred)
            kind "$3" "$2"
            case $3,$4 in
                kerberos,* | token,[!-/]*) ;;
                *) broken "'$4' is not the service of the credential $2" ;;
            esac
            ;;
        walltime)
            number "$2" && hs_walltime_s=$2
            number "$3" && hs_grace_s=$3
            [ "$hs_grace_s" -lt "$hs_walltime_s" ] || hs_grace_s=$((hs_walltime_s / 2))
            ;;
        source) path "$2" && hs_source=$hs_text ;;
        isolation) path "$2" && hs_isolation=$hs_text ;;
        newfiles) hs_brings_new=yes ;;
        confined) hs_confined=yes ;;
        homelimit) number "$2" && hs_homelimit=$2 ;;
        putlimit) number "$2" && hs_putlimit=$2 ;;
        sent) inside "$2" && known "$hs_text" ;;
        link | copy)
            inside "$2" && known "$hs_text"
            absolute "$3"
            ;;
        copylimit)
            number "$2" && hs_copy_bytes=$2
            number "$3" && hs_copy_files=$3
            ;;
        input)
            inside "$2" && known "$hs_text"
            [ "$3" = - ] || number "$3"
            case $4 in
                - | md5:* | sha256:*) ;;
                *) broken "checksum of $2: neither md5:… nor sha256:… nor -" ;;
            esac
            url "$5" "$2"
            ;;
        library)
            inside "$4" && path "$2" && hs_has_lib=yes
            case $3,$hs_text in
                *,*/* | *,. | *,..) broken "'$2' is not the name of a library" ;;
                dir,* | file,*) ;;
                *) broken "the library $2 is of the kind '$3', which this wrapper does not know: reinstall hepsub" ;;
            esac
            ;;
        environment) inside "$2" && check_environment "$2" ;;
        output) inside "$2" && flags "$3" "$2" && url "$4" "$2" && hs_by_url=yes ;;
        home | homeglob) inside "$2" && flags "$3" "$2" ;;
        move | moveglob) inside "$2" && flags "$3" "$2" && absolute "$4" && hs_moves=yes ;;
        glob)
            inside "$2" && flags "$3" "$2" && url "$4" "$2" && hs_by_url=yes
            [ -n "$5" ] || broken "no form for the pattern $2"
            ;;
        marker) url "$2" "the marker" && hs_by_url=yes ;;
        unmark) url "$2" "the marker" ;;
        ca)
            inside "$3"
            case $hs_text in
                */*) broken "'$3' is not the file name of an authority" ;;
            esac
            path "$2"
            printf '%s\t%s\n' "$hs_text" "$3" >>"$hs_private/authorities"
            ;;
        [a-z]*) ;; # of a later hepsub, which can do without
        *) broken "a line that this wrapper does not know begins with '$1': reinstall hepsub" ;;
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

number() {
    case $1 in
        '' | *[!0-9]*) broken "'$1' is not a number" ;;
    esac
}

kind() {
    path "$2"
    case $1 in
        kerberos | token) ;;
        *) broken "the credential $2 is of the kind '$1', which this wrapper does not know: reinstall hepsub" ;;
    esac
}

flags() {
    case $1 in
        - | '?') ;;
        *) broken "flags '$1' of $2" ;;
    esac
}

# The URL itself is not told.
url() {
    case $1 in
        http://*/* | https://*/*) ;;
        *) broken "the URL of $2 is neither http:// nor https://" ;;
    esac
    hs_needs_http=yes
}

# The newest manifest: a file name that nobody else uses at the same time → whether there is one.
# Directly where the submit side's file system is here (embedded pool, home site), else by chirp.
refresh() {
    [ "$hs_source" != - ] || return 1
    hs_new=$hs_private/$1
    rm -f "$hs_new"
    bounded "$hs_chirp_s" cat "$hs_source" >"$hs_new" && is_ours "$hs_new" ||
        { chirp get "$hs_source" "$hs_new" && is_ours "$hs_new"; } || return 1
    mv -f "$hs_new" "$hs_private/manifest"
}

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
