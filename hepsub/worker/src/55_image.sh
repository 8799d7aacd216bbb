# The container image that the payload runs in, at sites where nobody but the wrapper starts it.

hs_starter= # what starts it
hs_outside='@include image_outside.sh@'
hs_inside='@include image_inside.sh@'

# What starts images → hs_starter. The job's PATH is the one of where it was submitted.
find_starter() {
    case ${HEPSUB_APPTAINER-} in
        -) return 1 ;;
        ?*) hs_starter=$HEPSUB_APPTAINER && return 0 ;;
    esac
    find_programs apptainer /usr/bin/apptainer /usr/local/bin/apptainer \
        singularity /usr/bin/singularity /usr/local/bin/singularity
    hs_starter=$hs_found_first
    [ -z "$hs_starter" ] || return 0
    hs_starter=/cvmfs/oasis.opensciencegrid.org/mis/apptainer/current/bin/apptainer
    bounded 60 test -x "$hs_starter"
}

# Before the inputs are fetched, because that may take hours.
find_image() {
    [ -z "$hs_sealed" ] || [ "${hs_image#./}" = "$hs_sealed_image" ] ||
        die "$hs_e_sent" "the manifest names '${hs_image:-none}' as the image, which is not what was submitted"
    [ -n "$hs_image" ] || return 0
    find_starter ||
        { heed && die "$hs_e_start" "the payload is to run in the image $hs_image, and neither apptainer nor singularity is on $(uname -n)"; }
    case $hs_image in
        /*) bounded 60 test -r "$hs_image" || { heed && no_image; } ;;
    esac
}

no_image() {
    case $hs_bounded in
        137) hs_why="does not answer on $(uname -n)" ;;
        *) hs_why="does not exist on $(uname -n), or cannot be read" ;;
    esac
    die "$hs_e_start" "the payload is to run in the image $hs_image, which $hs_why"
}

# Start words in the image: it sees the job's directory, what the site shows it, and nothing else of this machine.
# /tmp and /var/tmp are in the job's directory, because apptainer's own are in memory, and small.
launch_in_image() {
    [ "$hs_image" = "${hs_image#./}" ] || [ -r "$hs_image" ] || no_image
    mkdir "$hs_private/image"
    hs_work=$hs_top/$hs_private/image
    export APPTAINER_CACHEDIR="$hs_work" APPTAINER_TMPDIR="$hs_work" # of the job's disk, not of the machine's
    export SINGULARITY_CACHEDIR="$hs_work" SINGULARITY_TMPDIR="$hs_work"
    set -- "$hs_image" sh -c "$hs_inside" hepsub "$hs_top/$hs_private" "$@"
    [ ! -e /dev/nvidiactl ] || set -- --nv "$@"
    [ -z "$hs_workdir" ] || set -- --bind "$hs_workdir" "$@"
    case $hs_payload in
        /*) set -- --bind "${hs_payload%/*}/" "$@" ;;
    esac
    : >>"$hs_private/binds"
    while IFS= read -r hs_bind <&4; do
        decode "$hs_bind"
        bounded 60 test -e "$hs_text" 4<&- && set -- --bind "$hs_text" "$@"
    done 4<"$hs_private/binds"
    heed
    launch sh -c "$hs_outside" hepsub "$hs_top/$hs_private" "$hs_starter" --silent exec --contain --no-home \
        --workdir "$hs_work" --bind "$hs_top" --pwd "${hs_workdir:-$hs_top}" "$@"
}
