# ---- outputs --------------------------------------------------------------------------------------

# A payload may end with `rm -rf *`, or leave its directory read-only: what comes home needs its place.
restore_home() {
    chmod u+rwx .
    { [ -d "./$hs_home" ] && [ ! -L "./$hs_home" ]; } || { rm -f "./$hs_home" && mkdir -p "./$hs_home"; }
}

stage_out() {
    restore_home
    if [ -n "$hs_by_url" ]; then
        phase "uploading outputs"
        refresh new
    fi
    if [ -n "$hs_by_url$hs_moves" ]; then
        rm -f "$hs_private"/due.* # now, whenever it was the last time
        tend
    fi
    each_line keep_line # what needs no network first, so that it has its place at home
    [ -z "$hs_brings_new" ] || bring_new
    [ "$hs_run" = 1 ] || each_line unmark_line
    each_line save_line
}

# An earlier run of the job may have written the marker: it would say that a mixture of the two is complete.
# Where that is not allowed, the marker's checksums still say whose an object is.
unmark_line() {
    [ "$1" = unmark ] || return 0
    hs_url=$2
    look_up unmark - "$2"
    persist delete unmark - "$hs_url" - "$hs_deadline" "$hs_patience_s"
}

check_delete() { :; }

keep_line() {
    case $1 in
        home | homeglob | move | moveglob) ;;
        *) return 0 ;;
    esac
    hs_action=${1%glob} hs_goal=
    [ "$hs_action" = home ] || { decode "$4" && hs_goal=$hs_text; }
    decode "$2"
    case $1 in
        *glob)
            hs_pattern=$hs_text
            keep_matches "$3"
            ;;
        *)
            hs_output=$hs_text hs_target=$hs_goal
            ! found "$3" || keep_one
            ;;
    esac
}

# hs_output to hs_target, or home.
keep_one() {
    measure
    if [ "$hs_action" = home ]; then
        bring_home || lose "hepsub was told to bring it home" ''
    elif move; then
        record moved "$hs_target"
    else
        save_later "$hs_target" "cannot be written to $hs_target"
    fi
}

# Each match of hs_pattern, which may be none: FLAGS.
keep_matches() {
    hs_glob_flags=$1 hs_keys=$hs_nl hs_any=
    hs_old_ifs=$IFS
    IFS=
    # shellcheck disable=SC2086 # it is a pattern
    set -- $hs_pattern
    IFS=$hs_old_ifs
    for hs_output in "$@"; do
        is_match || continue
        hs_any=yes
        hs_target=${hs_goal%/}/${hs_output##*/}
        case $hs_action$hs_keys in
            move*"$hs_nl$hs_target$hs_nl"*)
                measure
                save_later "$hs_target" "another match of '$hs_pattern' has the same file name"
                continue
                ;;
        esac
        hs_keys=$hs_keys$hs_target$hs_nl
        keep_one
    done
    no_match
}

# Whether hs_output is what a pattern may mean: a file that the payload made.
is_match() {
    [ -f "./$hs_output" ] || return 1
    case $hs_known$hs_output in *"$hs_nl$hs_output$hs_nl"* | *"$hs_nl$hs_lib/"*) return 1 ;; esac
}

# A pattern that nothing matches is an output that is missing.
no_match() {
    [ -z "$hs_any" ] || return 0
    hs_output=$hs_pattern
    found "$hs_glob_flags"
}

save_line() {
    case $1 in
        output)
            decode "$2"
            hs_output=$hs_text
            found "$3" || return 0
            upload put output "$2" "$4"
            ;;
        glob) save_matches "$@" ;;
    esac
}

# Whether the output is there; a required one that is not is remembered.
found() {
    [ -e "./$hs_output" ] && return 0
    hs_size=null hs_sum=-
    record missing ''
    if [ "$1" != '?' ]; then hs_missing="$hs_missing${hs_missing:+, }'$hs_output'"; fi
    return 1
}

# Size and checksum of hs_output → hs_bytes, hs_md5.
measure() {
    hs_md5=-
    if [ -d "./$hs_output" ]; then
        settle_links
        hs_bytes=$(du -sk "./$hs_output/.") && hs_bytes=${hs_bytes%%[!0-9]*}
        hs_bytes=$((${hs_bytes:-0} * 1024))
    else
        size_of "./$hs_output"
        hs_bytes=$hs_size
        checksum md5 "./$hs_output"
        hs_md5=$hs_sum
    fi
}

# Links to files of the job's own, in a directory of outputs, become these files: elsewhere they would lead nowhere.
settle_links() {
    find "./$hs_output/." -type l -exec sh -c '@include links.sh@' sh {} +
}

# Each match of a pattern, by a form. What came in is no output.
save_matches() {
    decode "$2"
    hs_pattern=$hs_text hs_keys=$hs_nl hs_any=
    hs_glob=$2 hs_glob_flags=$3 hs_glob_url=$4
    hs_old_ifs=$IFS
    IFS=
    # shellcheck disable=SC2086 # it is a pattern
    set -- $hs_pattern
    IFS=$hs_old_ifs
    for hs_output in "$@"; do
        is_match || continue
        hs_any=yes
        hs_key=${hs_output##*/}
        hs_url=$hs_glob_url hs_form=
        look_up glob "$hs_glob" "$hs_glob_url"
        bare "$hs_url"
        hs_object=$(printf '%s' "$hs_form" | form key)
        case $hs_object in
            %20* | *%20)
                measure
                save_later "${hs_bare%/}/$hs_object" "there are stores that cut blanks off a form's key"
                continue
                ;;
        esac
        hs_object=${hs_bare%/}/$hs_object
        case $hs_keys in
            *"$hs_nl$hs_key$hs_nl"*)
                measure
                save_later "$hs_object" "another match of '$hs_pattern' has the same file name"
                continue
                ;;
        esac
        hs_keys=$hs_keys$hs_key$hs_nl
        rm -f "$hs_private/upload"
        ln -s "../$hs_output" "$hs_private/upload"
        upload post glob "$hs_glob" "$hs_url" "$hs_object"
    done
    no_match
}

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

# The names at the top of the job's directory, each between line ends → hs_names.
list_top() {
    hs_names=$hs_nl
    for hs_name in * .[!.]* ..?*; do
        hs_names=$hs_names$hs_name$hs_nl
    done
}

# All that the payload left new: a job without outputs of its own brings home what HTCondor would.
bring_new() {
    list_top
    hs_homelimit=
    while IFS= read -r hs_output <&4; do
        case $hs_old in *"$hs_nl$hs_output$hs_nl"*) continue ;; esac
        case $hs_output in '' | _condor_* | .update.ad | .job.ad | .machine.ad) continue ;; esac
        [ -f "./$hs_output" ] || [ -d "./$hs_output" ] || continue
        [ ! -L "./$hs_output" ] || continue
        measure 4<&-
        bring_home 4<&- || lose "it is new" ''
    done 4<<END
$hs_names
END
}

# To a shared file system: never half a file under its final name.
move() {
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
    bounded "$hs_left" with_umask copy "./$hs_output" "$hs_temporary" "$hs_target" || {
        rm -rf "$hs_temporary"
        return 1
    }
}

copy() {
    mkdir -p "${3%/*}" || return 1
    if [ -d "$1" ]; then
        rm -rf "$2" && cp -R "$1/." "$2" || return 1 # what is perhaps a link to a directory
        if [ -d "$3" ]; then # mv would put it inside
            merge "$2" "$3" && rm -rf "$2"
            return
        fi
    else
        cp -f "$1" "$2" && cmp -s "$1" "$2" || return 1
    fi
    mv -f "$2" "$3"
}

# All that is in directory $1 goes into directory $2, whose other files are the user's, or an earlier job's, and stay.
merge() (
    cd "$1" || return 1
    find . -type d -exec sh -c '
        goal=$1
        shift
        for each do mkdir -p "$goal/$each" || exit 1; done' sh "$2" {} + || return 1
    find . ! -type d -exec sh -c '
        goal=$1
        shift
        for each do [ ! -d "$goal/$each" ] && mv -f "$each" "$goal/$each" || exit 1; done' sh "$2" {} + || return 1
    hs_left=$(find . ! -type d | head -n 1) # there is a find that says nothing of what -exec could not do
    [ -z "$hs_left" ]
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

# A ClassAd string → hs_string. Control characters, which nobody wants in a message, become `?`.
classad() {
    hs_rest=$(printf '%s' "$1" | LC_ALL=C tr '\001-\037\177' '?') hs_string=
    while :; do
        case $hs_rest in
            *[\\\"]*)
                hs_head=${hs_rest%%[\\\"]*}
                hs_rest=${hs_rest#"$hs_head"}
                case $hs_rest in
                    \"*) hs_string=$hs_string$hs_head\\\" ;;
                    *) hs_string=$hs_string$hs_head\\\\ ;;
                esac
                hs_rest=${hs_rest#?}
                ;;
            *) break ;;
        esac
    done
    hs_string="\"$hs_string$hs_rest\""
}

# Say what became of the outputs, the worst first; then the marker.
conclude() {
    each_credential complain
    if [ -n "$hs_lost" ]; then
        tell_lost
        verdict "$hs_e_lost" "these outputs could neither be uploaded nor brought home: $hs_lost"
    fi
    if [ "$hs_payload_status" = 0 ] && [ -n "$hs_missing" ]; then
        verdict "$hs_e_missing" "the payload ended with 0 but did not make: $hs_missing"
    fi
    if [ -n "$hs_kept" ]; then
        verdict "$hs_e_home" "these outputs came home instead: $hs_kept; they lie in $hs_home/outputs of the bundle's home directory"
    fi
    [ "$hs_payload_status" = 0 ] || return 0
    each_line mark_line
}

mark_line() {
    [ "$1" = marker ] || return 0
    bare "$2"
    case $hs_code in
        0)
            gather
            report >"$hs_private/marker"
            checksum md5 "$hs_private/marker"
            hs_want_md5=$hs_sum
            hs_url=$2
            look_up marker - "$2"
            persist put marker - "$hs_url" "$hs_private/marker" "$hs_deadline" "$hs_patience_s" && return 0
            bare "$2"
            verdict "$hs_e_home" "all outputs are in their place, but not the marker that says so: $hs_why ($hs_bare)"
            ;;
        "$hs_e_home") ;; # whoever puts the last output into its place writes it
        *) return 0 ;;
    esac
    pending report.json - - "$hs_bare"
}

