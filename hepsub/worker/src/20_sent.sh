# What was sent is what was submitted.

# The list of all that was sent: its SHA-256 stands in the job's ad, and so nothing that a job may have written
# decides what runs. Without one (embedded pool) nobody but the user can have written anything.
check_sent() {
    hs_seal=${HEPSUB_SEAL--}
    unset HEPSUB_SEAL
    [ "$hs_seal" != - ] || return 0
    { mv "$hs_sums_name" "$hs_private/sums" && checksum sha256 "$hs_private/sums" && [ "$hs_sum" = "$hs_seal" ]; } ||
        die "$hs_e_sent" "$hs_sums_name is not what was submitted: the job is not run"
    hs_sealed=yes
    while IFS=$hs_tab read -r hs_1 hs_2 hs_3 <&4; do
        check_sent_line "$hs_1" "$hs_2" "$hs_3" 4<&-
    done 4<"$hs_private/sums"
}

check_sent_line() {
    heed
    case $1 in
        payload) hs_sealed_payload=$2 ;;
        image) decode "$2" && hs_sealed_image=$hs_text ;;
        sha256)
            decode "$3" && [ -f "./$hs_text" ] || return 0 # a library in a store comes later
            hs_name=$hs_text
            checksum sha256 "./$hs_name"
            [ "$hs_sum" = "$2" ] || die "$hs_e_sent" "'$hs_name' is not what was submitted: the job is not run"
            ;;
    esac
}

# The SHA-256 that a name has to have: NAME-in-the-manifest → hs_must; fails for a name that was not sent.
sealed_as() {
    [ -n "$hs_sealed" ] || return 1
    while IFS=$hs_tab read -r hs_1 hs_must hs_3; do
        [ "$hs_1,$hs_3" = "sha256,$1" ] && return 0
    done <"$hs_private/sums"
    return 1
}

# Whether jobs of other users can be read here: what the policy says of a site can be proved wrong.
look_at_neighbours() {
    [ -n "$hs_isolation" ] && [ -r "${_CONDOR_JOB_AD-}" ] || return 0
    hs_strangers=0
    hs_mine=$(owner_in "$_CONDOR_JOB_AD")
    for hs_name in "${_CONDOR_JOB_AD%/*}"/../dir_*/.job.ad; do
        [ -r "$hs_name" ] && [ "$(owner_in "$hs_name")" != "$hs_mine" ] && hs_strangers=$((hs_strangers + 1))
    done
    [ "$hs_strangers" = 0 ] ||
        say "this site does not keep its users apart ($hs_strangers job(s) of others can be read here), though the policy says isolation = \"$hs_isolation\": tell its administrators"
}

owner_in() { sed -n 's/^[Uu]ser *= *//p' "$1" | head -n 1; }
