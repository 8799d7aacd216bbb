# Outputs: which there are, and where each belongs.

hs_output=    # the name of the output, or the match of a pattern,
hs_target=    # where it belongs on a shared file system,
hs_bytes=0 hs_md5=- # and what it is
hs_action=    # move or home,
hs_goal=      # and the place that its line names
hs_pattern='' hs_glob='' hs_glob_url='' # the pattern, as it stands in the manifest too, and with what URL,
hs_keys=''    # and the names or places that its matches have taken, each between line ends

# A payload may end with `rm -rf *`, or leave its directory read-only: what comes home needs its place.
restore_home() {
    chmod u+rwx .
    { [ -d "./$hs_home" ] && [ ! -L "./$hs_home" ]; } || { rm -f "./$hs_home" && mkdir -p "./$hs_home"; }
}

stage_out() {
    restore_home
    rm -f "$hs_mail/later" # a mailbox that did not answer gets one more chance
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
            each_match keep_match "$3"
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
    elif move_output; then
        record moved "$hs_target"
    else
        save_later "$hs_target" "cannot be written to $hs_target"
    fi
}

keep_match() {
    hs_target=${hs_goal%/}/${hs_output##*/}
    case $hs_action$hs_keys in
        move*"$hs_nl$hs_target$hs_nl"*)
            measure
            save_later "$hs_target" "another match of '$hs_pattern' has the same file name"
            return
            ;;
    esac
    hs_keys=$hs_keys$hs_target$hs_nl
    keep_one
}

# Call a function for each match of hs_pattern, in hs_output: FUNCTION FLAGS. A pattern that nothing matches is an
# output that is missing.
each_match() {
    hs_function=$1 hs_flags=$2 hs_keys=$hs_nl hs_any=
    hs_old_ifs=$IFS
    IFS=
    # shellcheck disable=SC2086 # it is a pattern
    set -- $hs_pattern
    IFS=$hs_old_ifs
    for hs_output in "$@"; do
        is_match || continue
        hs_any=yes
        "$hs_function"
    done
    [ -z "$hs_any" ] || return 0
    hs_output=$hs_pattern
    found "$hs_flags"
}

# Whether hs_output is what a pattern may mean: a file that the payload made.
is_match() {
    [ -f "./$hs_output" ] || return 1
    case $hs_known$hs_output in
        *"$hs_nl$hs_output$hs_nl"* | *"$hs_nl$hs_lib/"* | *"$hs_nl$hs_home/"*) return 1 ;;
    esac
}

save_line() {
    case $1 in
        output)
            decode "$2"
            hs_output=$hs_text
            found "$3" || return 0
            upload put output "$2" "$4"
            ;;
        glob)
            decode "$2"
            hs_pattern=$hs_text hs_glob=$2 hs_glob_url=$4
            each_match save_match "$3"
            ;;
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

# By a form.
save_match() {
    hs_key=${hs_output##*/}
    hs_url=$hs_glob_url hs_form=
    look_up glob "$hs_glob" "$hs_glob_url"
    bare "$hs_url"
    hs_match_url=$(printf '%s' "$hs_form" | form key)
    case $hs_match_url in
        %20* | *%20)
            measure
            save_later "${hs_bare%/}/$hs_match_url" "there are stores that cut blanks off a form's key"
            return
            ;;
    esac
    hs_match_url=${hs_bare%/}/$hs_match_url
    case $hs_keys in
        *"$hs_nl$hs_key$hs_nl"*)
            measure
            save_later "$hs_match_url" "another match of '$hs_pattern' has the same file name"
            return
            ;;
    esac
    hs_keys=$hs_keys$hs_key$hs_nl
    rm -f "$hs_private/upload"
    ln -s "../$hs_output" "$hs_private/upload"
    upload post glob "$hs_glob" "$hs_url" "$hs_match_url"
}

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
