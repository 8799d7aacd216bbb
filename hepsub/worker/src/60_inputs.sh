# Inputs: sent, linked, copied or fetched.

hs_input=     # the name of the input,
hs_original=  # the user's own file,
hs_part=$hs_private/part # where it is put together,
hs_want_size=- hs_want_sum=- # and what it has to be

fetch_inputs() {
    if [ -n "$hs_needs_http" ]; then
        find_http || die "$hs_e_http" "neither curl nor python3 works on $(uname -n): nothing can be fetched or uploaded"
    fi
    each_line fetch_line
}

fetch_line() {
    heed
    case $1 in
        sent | link | copy | input) decode "$2" && hs_input=$hs_text ;;
        *) return 0 ;;
    esac
    case $1 in
        sent)
            [ -e "./$hs_input" ] ||
                die "$hs_e_input" "input '$hs_input' was not sent with the job: the batch system lost it"
            ;;
        link | copy)
            decode "$3"
            hs_original=$hs_text
            bounded 60 test -e "$hs_original" ||
                { heed && die "$hs_e_input" "input '$hs_input': $hs_original does not exist on $(uname -n)"; }
            make_parent "./$hs_input"
            { [ "$1" = copy ] && copy_input; } || link_input
            ;;
        input) fetch_input "$2" "$3" "$4" "$5" ;;
    esac
}

link_input() {
    ln -sf "$hs_original" "./$hs_input" || die "$hs_e_input" "input '$hs_input' cannot be linked"
}

# hs_original, the user's own, becomes a file of the job's that it may change: with the same blocks where the file
# system can, else whole, as long as all such copies stay within the limit. Fails where only a link is left.
copy_input() {
    rm -rf "$hs_part"
    time_left "$hs_payload_end"
    if [ -f "$hs_original" ] && bounded "$hs_left" clone; then
        keep_copy
        return
    fi
    heed
    weigh_input && [ "$hs_weight" -le "$hs_copy_bytes" ] || return 1
    time_left "$hs_payload_end"
    bounded "$hs_left" duplicate || not_copied || return 1
    hs_copy_bytes=$((hs_copy_bytes - hs_weight))
    keep_copy
}

# cp without this option says so, and cp that could not do it may leave an empty file.
clone() {
    umask "$hs_umask"
    exec cp --reflink=always "$hs_original" "$hs_part"
}

duplicate() {
    umask "$hs_umask"
    rm -rf "$hs_part"
    [ -d "$hs_original" ] || exec cp "$hs_original" "$hs_part" 2>"$hs_private/copied"
    exec cp -R -L "$hs_original" "$hs_part" 2>"$hs_private/copied"
}

keep_copy() {
    { chmod -R u+rwX "$hs_part" && mv -f "$hs_part" "./$hs_input"; } ||
        die "$hs_e_input" "input '$hs_input' cannot be written"
}

# The bytes of hs_original → hs_weight. Fails for what has none, and for too many files.
weigh_input() {
    if [ -f "$hs_original" ]; then
        size_of "$hs_original"
        hs_weight=$hs_size
        return 0
    fi
    [ -d "$hs_original" ] && bounded 60 weigh_directory && read -r hs_weight <"$hs_private/weight"
}

weigh_directory() {
    hs_weight=$(find -L "$hs_original" | head -n "$((hs_copy_files + 1))" | wc -l)
    [ "$hs_weight" -le "$hs_copy_files" ] || return 1
    hs_weight=$(du -skL "$hs_original") # fails where something in it cannot be read, which is seen later
    hs_weight=${hs_weight%%[!0-9]*}
    echo "$((${hs_weight:-0} * 1024))" >"$hs_private/weight"
}

# A file that cannot be copied cannot be used; of a directory the rest may be all that the payload wants.
not_copied() {
    rm -rf "$hs_part"
    heed
    read -r hs_why <"$hs_private/copied" || hs_why="it took too long"
    [ -d "$hs_original" ] || die "$hs_e_input" "input '$hs_input' cannot be copied: $hs_why"
    say "input '$hs_input' cannot be copied: $hs_why; it is a link to $hs_original itself"
    return 1
}

# NAME-in-the-manifest SIZE CHECKSUM URL, hs_input
fetch_input() {
    hs_want_size=$2 hs_want_sum=$3
    ! sealed_as "$1" || hs_want_sum=sha256:$hs_must
    if [ -z "$hs_inputs" ]; then phase "fetching inputs"; fi
    rm -f "$hs_part"
    now
    hs_begun=$hs_now
    persist get input "$1" "$4" "$hs_part" "$hs_payload_end" "$hs_patience_s"
    hs_got=$?
    now
    size_of "$hs_part"
    json "$hs_input"
    hs_inputs="$hs_inputs${hs_inputs:+, }{\"name\": $hs_json, \"size\": $hs_size, \"seconds\": $((hs_now - hs_begun)), \"tries\": $hs_tries}"
    heed
    bare "$4"
    if [ "$hs_got" != 0 ]; then
        if [ "$hs_wrong" -ge "$hs_max_wrong" ]; then
            die "$hs_e_content" "input '$hs_input' is not what was submitted: $hs_why ($hs_bare)"
        fi
        die "$hs_e_input" "input '$hs_input' could not be fetched in $hs_tries tries: $hs_why ($hs_bare)"
    fi
    make_parent "./$hs_input"
    { mv -f "$hs_part" "./$hs_input" && with_umask chmod +rw "./$hs_input"; } ||
        die "$hs_e_input" "input '$hs_input' cannot be written"
}

check_get() {
    [ -e "$1" ] || : >"$1" # nothing was sent, and that is what an empty object is
    size_of "$1"
    if [ "$hs_want_size" != - ] && [ "$hs_size" != "$hs_want_size" ]; then
        hs_outcome=wrong hs_why="$hs_size bytes instead of $hs_want_size"
        return 0
    fi
    [ "$hs_want_sum" != - ] || return 0
    checksum "${hs_want_sum%%:*}" "$1"
    [ "$hs_sum" = "${hs_want_sum#*:}" ] && return 0
    if [ "${hs_want_sum%%:*}" = md5 ] && is_no_md5 "${hs_want_sum#*:}"; then
        return 0
    fi
    if [ "$hs_sum" = - ]; then
        hs_outcome=never hs_why="no program here computes ${hs_want_sum%%:*}"
    else
        hs_outcome=wrong hs_why="its ${hs_want_sum%%:*} is $hs_sum instead of ${hs_want_sum#*:}"
    fi
}

# Whether what stands for an MD5 is the ETag of this very object, which the store has encrypted: a listing, from
# which the manifest has it, does not say so.
is_no_md5() {
    header encryption
    case $hs_header in
        *kms* | customer) ;;
        *) return 1 ;;
    esac
    header etag
    [ "$hs_header" = "\"$1\"" ]
}
