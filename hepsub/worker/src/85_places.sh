# The places of outputs: a store, a shared file system, home; and what is said of them.

hs_home_bytes=0 # so many come home so far
hs_no_home=     # why an output cannot
hs_too_large=   # the lost ones with their sizes, for the job's ad,
hs_more=0       # and those that found no place there

# Upload hs_output: VERB ACTION NAME-in-the-manifest URL [OBJECT]; where that fails, it goes home.
upload() {
    bare "$4"
    hs_object=${5:-$hs_bare}
    measure
    if [ -d "./$hs_output" ]; then
        save_later "$hs_object" "a directory cannot be uploaded"
        return 0
    fi
    if [ -n "$hs_putlimit" ] && [ "$hs_bytes" -gt "$hs_putlimit" ]; then
        save_later "$hs_object" "$hs_bytes bytes are more than one upload can take"
        return 0
    fi
    hs_want_md5=$hs_md5
    hs_patience=$hs_patience_s hs_until=$hs_deadline
    if ! fits; then
        # Nothing but the store can take it: as long as there is time at all.
        now
        hs_patience=stubborn
        [ -n "$hs_walltime_s" ] || hs_until=$((hs_now - hs_start + hs_forever_s))
    fi
    hs_url=$4
    look_up "$2" "$3" "$4"
    if persist "$1" "$2" "$3" "$hs_url" "./$hs_output" "$hs_until" "$hs_patience"; then
        record uploaded "$hs_object"
    else
        save_later "$hs_object" "$hs_why"
    fi
}

# An ETag is the md5 of what the store has, unless it came in parts or was encrypted.
check_put() {
    header etag
    hs_etag=${hs_header#W/}
    hs_etag=${hs_etag#\"}
    hs_etag=${hs_etag%\"}
    hs_stored=$hs_etag
    header encryption
    case $hs_header in *kms* | customer) return 0 ;; esac
    if [ -z "$hs_etag" ] && grep -q '<Error' "$hs_private/answer"; then
        hs_outcome=again hs_why="HTTP $hs_status, but with an error inside"
        return 0
    fi
    [ ${#hs_etag} = 32 ] || return 0
    case $hs_etag in *[!0-9a-fA-F]*) return 0 ;; esac
    [ "$hs_want_md5" != - ] || return 0
    case $hs_etag in *[A-F]*) hs_etag=$(printf %s "$hs_etag" | tr A-F a-f) ;; esac
    [ "$hs_etag" = "$hs_want_md5" ] && return 0
    hs_outcome=wrong hs_why="the store says that it received something else (ETag $hs_etag)"
}

check_post() { check_put "$1"; }

# To a shared file system: never half a file under its final name.
move_output() {
    # Into a directory that is there; but a directory of the same name is the place itself.
    case $hs_target/ in
        */"${hs_output##*/}"/) [ -d "./$hs_output" ] || [ ! -d "$hs_target" ] || hs_target=${hs_target%/}/${hs_output##*/} ;;
        *) [ ! -d "$hs_target" ] || hs_target=${hs_target%/}/${hs_output##*/} ;;
    esac
    # Another run of the job may still be at it, on a node that nobody hears of: a name of its own, and
    # what an earlier run left goes away, and with it that run's chance to finish.
    hs_last=${hs_target##*/}
    [ ${#hs_last} -le 60 ] || hs_last=$(printf %s "$hs_last" | head -c 150) # a name has 255 bytes at most
    hs_temporary=${hs_target%/*}/$hs_last.tmp-$hs_job-
    [ "$hs_run" = 1 ] || rm -rf "$hs_temporary"*
    hs_temporary=$hs_temporary$(uname -n).$$
    time_left "$hs_deadline"
    bounded "$hs_left" with_umask copy_output "./$hs_output" "$hs_temporary" "$hs_target" || {
        rm -rf "$hs_temporary"
        return 1
    }
}

copy_output() {
    mkdir -p "${3%/*}" || return 1
    if [ -d "$1" ]; then
        rm -rf "$2" && cp -R "$1/." "$2" || return 1 # what is perhaps a link to a directory
        if [ -d "$3" ]; then # mv would put it inside
            merge_output "$2" "$3" && rm -rf "$2"
            return
        fi
    else
        cp -f "$1" "$2" && cmp -s "$1" "$2" || return 1
    fi
    mv -f "$2" "$3"
}

# All that is in directory $1 goes into directory $2, whose other files are the user's, or an earlier job's, and stay.
merge_output() (
    cd "$1" || return 1
    find . -type d -exec sh -c '
        goal=$1
        shift
        for each do mkdir -p "$goal/$each" || exit 1; done' sh "$2" {} + || return 1
    find . ! -type d -exec sh -c '
        goal=$1
        shift
        for each do [ ! -d "$goal/$each" ] && mv -f "$each" "$goal/$each" || exit 1; done' sh "$2" {} + || return 1
    hs_unmoved=$(find . ! -type d | head -n 1) # there is a find that says nothing of what -exec could not do
    [ -z "$hs_unmoved" ]
)

fits() { [ -z "$hs_homelimit" ] || [ $((hs_home_bytes + hs_bytes)) -le "$hs_homelimit" ]; }

# hs_output into the directory that the batch system brings home; where that cannot be, hs_no_home says why.
bring_home() {
    hs_no_home="at most ${hs_homelimit:-all} bytes may come home"
    fits || return 1
    # To the shadow it leads out of the directory, and no output at all comes home (tried on 23.9.6).
    if [ -n "$hs_confined" ]; then
        hs_odd=$(find "./$hs_output" -name '*\\*' | head -n 1)
        case $hs_output$hs_odd in
            *\\*) hs_no_home="HTCondor brings no name with a backslash from here" && return 1 ;;
        esac
    fi
    hs_place=$hs_home/outputs/$hs_output
    make_parent "./$hs_place"
    if [ -e "./$hs_place" ]; then
        : # its other destination has failed before
    elif [ -L "./$hs_output" ]; then
        if [ -d "./$hs_output" ]; then
            cp -R "./$hs_output/." "./$hs_place"
        else
            cp -L "./$hs_output" "./$hs_place"
        fi || return 1
    else
        # It keeps its old name: another output may be a symlink to it, or have another destination.
        ln "./$hs_output" "./$hs_place" ||
            { mv -f "./$hs_output" "./$hs_place" && ln -s "$hs_top/$hs_place" "./$hs_output"; } || return 1
    fi
    # A FIFO or socket would stop HTCondor's starter for ever.
    [ ! -d "./$hs_place" ] || find "./$hs_place" ! -type f ! -type d ! -type l -exec rm -f {} +
    hs_home_bytes=$((hs_home_bytes + hs_bytes))
    record home "${1-}"
}

# An output that is not where it belongs: DESTINATION REASON.
save_later() {
    if bring_home "$1"; then
        hs_kept="$hs_kept${hs_kept:+, }'$hs_output'"
        say "output '$hs_output' is not at $1: $2; it comes home with the job"
        pending "outputs/$hs_output" "$hs_bytes" "$hs_md5" "$1"
    else
        lose "$2" "$1"
    fi
}

lose() {
    hs_lost="$hs_lost${hs_lost:+, }'$hs_output'"
    hs_one="'$hs_output' ($hs_bytes bytes)"
    if [ $((${#hs_too_large} + ${#hs_one})) -lt 200 ]; then
        hs_too_large="$hs_too_large${hs_too_large:+, }$hs_one"
    else
        hs_more=$((hs_more + 1)) # HTCondor's proxy takes lines of 1023 bytes, its quoting included
    fi
    say "output '$hs_output' ($hs_bytes bytes) is lost: $1, but $hs_no_home"
    record lost "$2"
}

pending() {
    encode "$1"
    hs_place=$hs_text
    encode "$4"
    umask "$hs_umask"
    printf '%s\t%s\t%s\t%s\n' "$hs_place" "$2" "$3" "$hs_text" >>"$hs_home/pending.tsv"
    umask 077
}

# A line of the report: STATE DESTINATION, of hs_output with hs_bytes and hs_md5.
record() {
    [ "$1" != missing ] || hs_bytes=null hs_md5=-
    json "$hs_output"
    hs_item="{\"name\": $hs_json, \"state\": \"$1\", \"size\": $hs_bytes, \"md5\": "
    if [ "$hs_md5" = - ]; then hs_item=${hs_item}null; else hs_item="$hs_item\"$hs_md5\""; fi
    if [ -n "$2" ]; then json "$2"; else hs_json=null; fi
    hs_item="$hs_item, \"url\": $hs_json, \"etag\": "
    if [ "$1" = uploaded ] && [ -n "$hs_stored" ]; then json "$hs_stored"; else hs_json=null; fi
    hs_outputs="$hs_outputs${hs_outputs:+, }$hs_item$hs_json}"
}

# Tell the job's ad what is lost, so that HTCondor can hold the job with that reason.
tell_lost() {
    [ "$hs_more" = 0 ] || hs_too_large="$hs_too_large${hs_too_large:+, }and $hs_more more"
    classad "$hs_too_large; $hs_no_home"
    chirp set ChirpHepSub_Lost "$hs_string"
}
