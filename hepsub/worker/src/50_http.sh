# HTTP: one transfer by curl or python3, and transfers until it is done, hopeless or too late.

hs_exchange=$hs_private # where a request and its answer are
hs_http_ready=   # whether one was found:
hs_http=         # curl or python3,
hs_libraries=    # with the libraries of the system or the user
# What goes with a request beside the URL: the ETag of the part of a download that is there; the MD5 of an upload;
# a form, and the last component of its key; the authorities to trust.
hs_etag='' hs_want_md5=- hs_form='' hs_key='' hs_ca=''

# Choose curl or python3, once. Both with the system's libraries first; with the user's if they need
# them (a curl from a software stack).
find_http() {
    [ -z "$hs_http_ready" ] || return 0
    for hs_libraries in system user; do
        for hs_http in curl python3; do
            { command -v "$hs_http" && (with_libraries "$hs_http" --version); } >/dev/null || continue
            hs_http_ready=yes
            return 0
        done
        [ -n "$hs_had_library_path" ] || break
    done
    return 1
}

# For subshells.
with_libraries() {
    [ "$hs_libraries" = system ] || export LD_LIBRARY_PATH="$hs_library_path"
    "$@"
}

# One exchange with a store: get URL FILE | put URL FILE | post URL FILE (with hs_form, hs_key) | delete URL - |
# letter URL FILE, and how long it may take and be silent → hs_exit, hs_status.
exchange() {
    rm -f "$hs_exchange/headers" "$hs_exchange/code" "$hs_exchange/answer"
    authority_of "$2"
    "request_$hs_http" "$@"
    with_libraries "run_$hs_http" "$1" "$3" "$4" "$5" </dev/null >"$hs_exchange/code" 2>/dev/null 3<&- 9>&- &
    hs_child=$!
    await "$hs_child"
    hs_exit=$?
    hs_child=
    hs_status=000
    read -r hs_status hs_rest <"$hs_exchange/code"
}

# VERB URL FILE → hs_exit, as curl has it, and hs_outcome:
#   ok, again (may work later), refused (the URL is not, or no longer, good), restart (from zero), never
transfer() {
    case $1 in
        get) time_left "$hs_payload_end" ;;
        *) time_left "$hs_deadline" ;;
    esac
    exchange "$1" "$2" "$3" "$hs_left" "$hs_stall_s"
    # Downloads alone are told to --fail: of the others the answer is wanted, which says why.
    case $1,$hs_status in
        get,*) ;;
        *,[45]??) hs_exit=22 ;;
    esac
    case $hs_exit in
        0)
            hs_outcome=ok
            case $hs_status in 2??) ;; *) hs_outcome=never hs_why="HTTP $hs_status" ;; esac
            ;;
        22)
            hs_why="HTTP $hs_status"
            reason
            case $hs_status in
                400 | 401 | 403) hs_outcome=refused ;;
                408 | 425 | 429 | 5??) hs_outcome=again ;;
                416) hs_outcome=restart ;;
                *) hs_outcome=never ;;
            esac
            ;;
        33) hs_outcome=restart hs_why="the server cannot resume" ;;
        1 | 2 | 3 | 4 | 27 | 43 | 48) hs_outcome=never hs_why="$hs_http cannot use this URL (code $hs_exit)" ;;
        23) hs_outcome=never hs_why="cannot write: is the disk full?" ;;
        26) hs_outcome=never hs_why="cannot read the file" ;;
        35 | 58 | 59 | 60 | 77 | 83 | 90 | 91) hs_outcome=never hs_why="no trusted TLS connection (code $hs_exit)" ;;
        6) hs_outcome=again hs_why="the host's name is not known" ;;
        7) hs_outcome=again hs_why="no connection" ;;
        28) hs_outcome=again hs_why="too slow" ;;
        *) hs_outcome=again hs_why="the connection broke (code $hs_exit)" ;;
    esac
    [ "$hs_exit" = 35 ] && hs_outcome=again # a handshake may break for the network's reasons
    return 0
}

# The certificates to trust for a URL → hs_ca; empty for those that curl, or Python, trusts anyway.
authority_of() {
    hs_ca=
    [ -e "$hs_private/authorities" ] || return 0
    while IFS=$hs_tab read -r hs_1 hs_2; do
        case $1 in
            "$hs_1"*) decode "$hs_2" && hs_ca=$hs_top/$hs_creds/$hs_text ;;
        esac
    done <"$hs_private/authorities"
}

# The store's word for what is wrong (QuotaExceeded, AccessDenied), as its answer to an upload gives it.
reason() {
    [ -s "$hs_exchange/answer" ] || return 0
    hs_said=$(head -c 65536 "$hs_exchange/answer" | LC_ALL=C tr '<' '\n' |
        LC_ALL=C sed -n 's/^Code>\([A-Za-z0-9._-]\{1,80\}\)$/\1/p' | head -n 1)
    hs_why="$hs_why${hs_said:+ $hs_said}"
}

request_curl() {
    {
        quote "$2"
        printf 'url = "%s"\n' "$hs_quoted"
        quote "$hs_ca"
        [ -z "$hs_ca" ] || printf 'cacert = "%s"\n' "$hs_quoted"
        case $1 in
            get)
                # Resume, unless the object is another one by now.
                if [ -n "$hs_etag" ] && [ -s "$3" ]; then
                    quote "$hs_etag"
                    printf 'header = "If-Range: %s"\n' "$hs_quoted"
                fi
                ;;
            # Not once more what was read already: ten thousand jobs ask again and again.
            letter)
                quote "$hs_letter_etag"
                [ -z "$hs_letter_etag" ] || printf 'header = "If-None-Match: %s"\n' "$hs_quoted"
                ;;
            # So that a store refuses what was changed on the way, rather than keep it under its final name.
            put)
                [ "$hs_want_md5" = - ] || {
                    base64_of_hex "$hs_want_md5"
                    printf 'header = "Content-MD5: %s"\n' "$hs_base64"
                }
                ;;
            post) printf '%s' "$hs_form" | form curl ;;
        esac
    } >"$hs_exchange/request"
}

# VERB FILE SECONDS STALL-SECONDS
run_curl() {
    set -- "$1" "$2" "$4" -q -K "$hs_exchange/request" --globoff --silent --location --max-redirs 5 \
        -D "$hs_exchange/headers" -w '%{http_code}\n' \
        --connect-timeout 30 --max-time "$3" --speed-limit 1 --speed-time "$4"
    hs_verb=$1 hs_file=$2 hs_silence=$3
    shift 3
    case $hs_verb in
        get) exec curl "$@" --fail -C - -o "$hs_file" ;;
        letter)
            limit_letter
            exec curl "$@" --fail --connect-timeout "$hs_silence" --max-filesize "$hs_letter_bytes" -o "$hs_file"
            ;;
        put) exec curl "$@" -o "$hs_exchange/answer" -T "$hs_file" ;;
        post) exec curl "$@" -o "$hs_exchange/answer" ;;
        delete) exec curl "$@" -o "$hs_exchange/answer" -X DELETE ;;
    esac
}

# The fields of a form, percent-decoded, `${filename}` filled in: for curl's file, or the key alone, as in a URL.
form() {
    HS_KEY=$hs_key LC_ALL=C awk -v wanted="$1" '@include form.awk@'
}

request_python3() {
    {
        printf '%s\n' "$2"
        case $1 in
            get) printf '%s\n' "$hs_etag" ;;
            letter) printf '%s\n' "$hs_letter_etag" ;;
            put) printf '%s\n' "$hs_want_md5" ;;
            post) printf '%s\n%s\n' "$hs_key" "$hs_form" ;;
        esac
    } >"$hs_exchange/request"
}

# The same exit codes as curl, so that one table judges both. VERB FILE SECONDS STALL-SECONDS
run_python3() {
    [ "$1" != letter ] || limit_letter
    exec python3 -IS -c '@include http.py@' "$1" "$2" "$hs_exchange" "$3" "$4" "$hs_ca"
}

# A header of the last answer → hs_header.
header() {
    hs_header=
    while IFS=' ' read -r hs_1 hs_2; do
        case $hs_1 in
            HTTP/*) hs_header='' ;; # another answer: a redirection came before
            *:)
                case $1,$hs_1 in
                    etag,[Ee][Tt][Aa][Gg]:) hs_header=$hs_2 ;;
                    retry,[Rr]etry-[Aa]fter:) hs_header=$hs_2 ;;
                    encryption,*-[Ee]ncryption-[Cc]ustomer-*) hs_header=customer ;;
                    encryption,[Xx]-[Aa]mz-[Ss]erver-[Ss]ide-[Ee]ncryption:) hs_header=$hs_2 ;;
                esac
                ;;
        esac
    done <"$hs_exchange/headers"
    hs_header=${hs_header%"$hs_cr"}
}

# A pause before the next try: twice as long each time, and never the same for a thousand jobs at once.
pause() {
    header retry
    case $hs_header in
        '' | *[!0-9]* | ?????*) ;;
        *) [ $((hs_header * 1000)) -le "$hs_pause" ] || hs_pause=$((hs_header * 1000)) ;;
    esac
    [ "$hs_pause" -le "$hs_pause_max_ms" ] || hs_pause=$hs_pause_max_ms
    hs_random=$(od -An -N2 -tu2 /dev/urandom) || hs_random=$$
    hs_ms=$((hs_pause / 2 + hs_pause * (hs_random % 1000) / 1000))
    hs_fraction=$((1000 + hs_ms % 1000))
    nap "$((hs_ms / 1000)).${hs_fraction#1}"
    hs_pause=$((hs_pause * 2))
}

# Transfer until it is done, hopeless or too late: VERB ACTION NAME-in-the-manifest URL FILE UNTIL
# PATIENCE; UNTIL in seconds after the start. `stubborn` as PATIENCE: only the clock ends it, a refused
# URL is asked for again and again. Fails with hs_why → hs_tries, hs_wrong (how often the content was wrong).
persist() {
    hs_url=$4 hs_tries=0 hs_wrong=0 hs_refused='' hs_best=0 hs_etag='' hs_stored='' hs_pause=$hs_pause_ms
    host_of "$4"
    now
    hs_last_progress=$hs_now
    while :; do
        hs_tries=$((hs_tries + 1))
        transfer "$1" "$hs_url" "$5"
        [ "$hs_outcome" = ok ] && "check_$1" "$5"
        [ -z "$hs_signal" ] || return 1
        case $hs_outcome,$hs_status in
            again,000 | again,5??) tell_away "$7" "$hs_exit" "$hs_tries" ;;
            *,000 | *,5??) ;;
            *) came_back ;;
        esac
        case $hs_outcome in
            ok) return 0 ;;
            wrong)
                hs_wrong=$((hs_wrong + 1))
                [ "$hs_wrong" -lt "$hs_max_wrong" ] || [ "$7" = stubborn ] || return 1
                [ "$1" != get ] || rm -f "$5"
                ;;
            refused)
                if [ "$7" != stubborn ]; then
                    [ -z "$hs_refused" ] || { tell_mailbox; return 1; }
                    hs_refused=yes
                    # A 400 may also be a connection that was too slow: it gets its second try anyway.
                    refresh new || [ "$hs_status" = 400 ] || { tell_mailbox; return 1; }
                else
                    refresh new
                fi
                look_up "$2" "$3" "$hs_url"
                ;;
            restart) rm -f "$5" ;;
            never) [ "$7" = stubborn ] || return 1 ;;
        esac
        if [ "$1" = get ]; then
            header etag && [ -n "$hs_header" ] && hs_etag=$hs_header
            size_of "$5"
            if [ "$hs_size" -gt "$hs_best" ]; then
                hs_best=$hs_size hs_pause=$hs_pause_ms
                now
                hs_last_progress=$hs_now
            fi
        fi
        time_left "$6" || { hs_why="$hs_why; there is no time left" && return 1; }
        if [ "$7" != stubborn ]; then
            [ $((hs_now - hs_last_progress)) -lt "$7" ] || { went_away && return 1; }
            ! is_absent || [ "$hs_tries" -lt "$hs_brief" ] || return 1
        fi
        pause
        [ -z "$hs_signal" ] || return 1
    done
}
