# Stores that do not answer: what is told of them, and how long they are waited for.

hs_absent=$hs_nl # hosts that answered nothing while a file had all its patience
hs_host=         # of the file that `persist` is at,
hs_nobody=       # and whether it has answered nothing so far
hs_silent=$hs_nl # hosts of which stderr says that they do not answer, and not yet that they do again

# A host that answered nothing, or 5xx, to all tries of a file that had the whole patience: the files after
# it get few tries, or a job with many outputs would wait as many times as long. → hs_host
host_of() {
    bare "$1"
    hs_host=${hs_bare#*://}
    hs_host=${hs_host%%/*} hs_nobody=yes
}

came_back() {
    hs_nobody=
    case $hs_silent in
        *"$hs_nl$hs_host$hs_nl"*)
            hs_silent=${hs_silent%%"$hs_nl$hs_host$hs_nl"*}$hs_nl${hs_silent#*"$hs_nl$hs_host$hs_nl"}
            say "the store $hs_host answers again"
            hs_away=
            tell_stage
            ;;
    esac
    ! is_absent || hs_absent=${hs_absent%%"$hs_nl$hs_host$hs_nl"*}$hs_nl${hs_absent#*"$hs_nl$hs_host$hs_nl"}
}

# A host that does not answer is told of at once, and once until it answers again: PATIENCE, as for `persist`, how the
# last try ended, and how many there were. One that answers 5xx, or whose connections break, has a second try first:
# most of that is over in a second.
tell_away() {
    case $2 in 6 | 7 | 28) ;; *) [ "$3" -gt 1 ] || return 0 ;; esac
    case $hs_silent in *"$hs_nl$hs_host$hs_nl"*) return 0 ;; esac
    hs_silent=$hs_silent$hs_host$hs_nl
    hs_again="for up to $1 s"
    [ "$1" != stubborn ] || hs_again="as long as there is time"
    say "$hs_phase: the store $hs_host does not answer ($hs_why); it is tried again, $hs_again"
    now
    hs_away="$hs_host $hs_now"
    tell_stage
}

went_away() {
    [ -z "$hs_nobody" ] || is_absent || hs_absent=$hs_absent$hs_host$hs_nl
}

is_absent() {
    case $hs_absent in
        *"$hs_nl$hs_host$hs_nl"*) return 0 ;;
    esac
    return 1
}
