# ---- HTTP -----------------------------------------------------------------------------------------

# Choose curl or python3, once. Both with the system's libraries first; with the user's if they need
# them (a curl from a software stack).
find_http() {
    [ -z "$hs_http_ready" ] || return 0
    for hs_libraries in system user; do
        for hs_http in curl python3; do
            command -v "$hs_http" >/dev/null && (with_libraries "$hs_http" --version) >/dev/null || continue
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

# get URL FILE | put URL FILE | post URL FILE (with hs_form, hs_key) | delete URL - → hs_outcome:
#   ok, again (may work later), refused (the URL is not, or no longer, good), restart (from zero), never
transfer() {
    case $1 in
        get) time_left "$hs_payload_end" ;;
        *) time_left "$hs_deadline" ;;
    esac
    rm -f "$hs_private/headers" "$hs_private/code" "$hs_private/answer"
    authority_of "$2"
    "request_$hs_http" "$@"
    with_libraries "run_$hs_http" "$1" "$3" </dev/null >"$hs_private/code" 2>/dev/null 3<&- 9>&- &
    hs_child=$!
    await "$hs_child"
    hs_exit=$?
    hs_child=
    hs_status=000
    read -r hs_status hs_rest <"$hs_private/code"
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
    [ -s "$hs_private/answer" ] || return 0
    hs_said=$(head -c 65536 "$hs_private/answer" | LC_ALL=C tr '<' '\n' |
        LC_ALL=C sed -n 's/^Code>\([A-Za-z0-9._-]\{1,80\}\)$/\1/p' | head -n 1)
    hs_why="$hs_why${hs_said:+ $hs_said}"
}

# A word between quotes in a file for curl -K → hs_quoted.
curl_quote() {
    hs_rest=$1 hs_quoted=
    while :; do
        case $hs_rest in
            *[\\\"]*)
                hs_head=${hs_rest%%[\\\"]*}
                hs_rest=${hs_rest#"$hs_head"}
                case $hs_rest in
                    \"*) hs_quoted=$hs_quoted$hs_head\\\" ;;
                    *) hs_quoted=$hs_quoted$hs_head\\\\ ;;
                esac
                hs_rest=${hs_rest#?}
                ;;
            *) break ;;
        esac
    done
    hs_quoted=$hs_quoted$hs_rest
}

request_curl() {
    {
        curl_quote "$2"
        printf 'url = "%s"\n' "$hs_quoted"
        curl_quote "$hs_ca"
        [ -z "$hs_ca" ] || printf 'cacert = "%s"\n' "$hs_quoted"
        case $1 in
            get)
                # Resume, unless the object is another one by now.
                if [ -n "$hs_etag" ] && [ -s "$3" ]; then
                    curl_quote "$hs_etag"
                    printf 'header = "If-Range: %s"\n' "$hs_quoted"
                fi
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
    } >"$hs_private/request"
}

# Hexadecimal digits as base64 → hs_base64.
base64_of_hex() {
    hs_base64=$(printf '%s\n' "$1" | LC_ALL=C awk '{
        letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        for (i = 1; i <= length($0); i++) {
            rest = rest * 16 + index("0123456789abcdef", substr($0, i, 1)) - 1
            bits += 4
            if (bits >= 6) { # busybox has an awk without powers
                bits -= 6
                power = bits ? 4 : 1
                out = out substr(letters, int(rest / power) + 1, 1)
                rest %= power
            }
        }
        if (bits) out = out substr(letters, rest * (bits == 2 ? 16 : 4) + 1, 1)
        while (length(out) % 4) out = out "="
        print out
    }')
}

run_curl() {
    set -- "$1" "$2" -q -K "$hs_private/request" --globoff --silent --location --max-redirs 5 \
        -D "$hs_private/headers" -w '%{http_code}\n' \
        --connect-timeout 30 --max-time "$hs_left" --speed-limit 1 --speed-time "$hs_stall_s"
    hs_verb=$1 hs_file=$2
    shift 2
    case $hs_verb in
        get) exec curl "$@" --fail -C - -o "$hs_file" ;;
        put) exec curl "$@" -o "$hs_private/answer" -T "$hs_file" ;;
        post) exec curl "$@" -o "$hs_private/answer" ;;
        delete) exec curl "$@" -o "$hs_private/answer" -X DELETE ;;
    esac
}

# The fields of a form, percent-decoded, `${filename}` filled in: for curl's file, or the key alone, as in a URL.
form() {
    HS_KEY=$hs_key LC_ALL=C awk -v wanted="$1" '
        BEGIN {
            RS = "&"
            for (i = 1; i < 256; i++) {
                byte[sprintf("%02x", i)] = sprintf("%c", i)
                code[sprintf("%c", i)] = sprintf("%%%02X", i)
            }
        }
        function plain(text,   out, p) {
            while (p = index(text, "%")) {
                out = out substr(text, 1, p - 1) byte[tolower(substr(text, p + 1, 2))]
                text = substr(text, p + 3)
            }
            return out text
        }
        function quoted(text,   out, c, i) {
            for (i = 1; i <= length(text); i++) {
                c = substr(text, i, 1)
                out = out (c ~ /[A-Za-z0-9\/~._-]/ ? c : code[c])
            }
            return out
        }
        function escaped(text,   out, c, i) {
            for (i = 1; i <= length(text); i++) {
                c = substr(text, i, 1)
                out = out ((c == "\\" || c == "\"") ? "\\" c : c == "\n" ? "\\n" : c)
            }
            return out
        }
        {
            at = index($0, "=")
            name = plain(substr($0, 1, at - 1)); value = plain(substr($0, at + 1))
            if (name == "key" && (at = index(value, "${filename}")))
                value = substr(value, 1, at - 1) ENVIRON["HS_KEY"] substr(value, at + 11)
            if (wanted == "curl") printf "form-string = \"%s=%s\"\n", escaped(name), escaped(value)
            else if (name == "key") printf "%s", quoted(value)
        }
        END { if (wanted == "curl") print "form = \"file=@.hepsub/upload;filename=upload\"" }'
}

request_python3() {
    {
        printf '%s\n' "$2"
        case $1 in
            get) printf '%s\n' "$hs_etag" ;;
            put) printf '%s\n' "$hs_want_md5" ;;
            post) printf '%s\n%s\n' "$hs_key" "$hs_form" ;;
        esac
    } >"$hs_private/request"
}

# The same exit codes as curl, so that one table judges both.
run_python3() {
    exec python3 -IS -c '
import os, signal, socket, ssl, sys, urllib.error, urllib.parse, urllib.request
verb, local, private, limit, stall, authority = sys.argv[1:]
signal.signal(signal.SIGALRM, lambda *_: leave(28))
signal.alarm(max(1, int(limit)))
with open(private + "/request", encoding="utf-8", errors="surrogateescape") as file:
    url, *more = file.read().split("\n")
BLOCK = 1 << 20
status = 0

def save(headers):
    with open(private + "/headers", "w") as file:
        for name, value in headers.items():
            file.write("%s: %s\n" % (name, value))

def leave(code):
    print("%03d" % status)
    sys.stdout.flush()
    os._exit(code)

class NoContentType(urllib.request.BaseHandler):
    """urllib invents a Content-Type, which is part of what an old signature signs."""
    handler_order = 900
    def http_request(self, request):
        if verb == "put":
            request.unredirected_hdrs.pop("Content-type", None)
        return request
    https_request = http_request

class Body:
    """Parts, one after the other, read in blocks."""
    def __init__(self, *parts):
        self.parts = list(parts)
    def read(self, size):
        while self.parts:
            block = self.parts[0].read(size)
            if block:
                return block
            self.parts.pop(0)
        return b""
    def __iter__(self):
        return iter(lambda: self.read(BLOCK), b"")

def form_body(file):
    import io
    edge = "hepsub-" + os.urandom(16).hex()
    key, form = more[0], more[1]
    head = b""
    for pair in form.split("&"):
        name, _, value = pair.partition("=")
        name, value = urllib.parse.unquote(name), urllib.parse.unquote_to_bytes(value)
        if name == "key":
            value = value.replace(b"${filename}", key.encode("utf-8", "surrogateescape"), 1)
        head += ("--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n" % (edge, name)).encode() + value + b"\r\n"
    head += ("--%s\r\nContent-Disposition: form-data; name=\"file\"; filename=\"upload\"\r\n"
             "Content-Type: application/octet-stream\r\n\r\n" % edge).encode()
    tail = ("\r\n--%s--\r\n" % edge).encode()
    size = len(head) + os.fstat(file.fileno()).st_size + len(tail)
    return Body(io.BytesIO(head), file, io.BytesIO(tail)), size, "multipart/form-data; boundary=" + edge

try:
    headers, body, method = {"User-Agent": "hepsub"}, None, "GET"
    offset = os.path.getsize(local) if verb == "get" and os.path.exists(local) else 0
    if offset:
        headers["Range"] = "bytes=%d-" % offset
        if more and more[0]:
            headers["If-Range"] = more[0]
    if verb == "delete":
        method = "DELETE"
    elif verb != "get":
        try:
            file = open(local if verb == "put" else private + "/upload", "rb")
        except OSError:
            leave(26)
        method, body, size = "PUT", Body(file), os.fstat(file.fileno()).st_size
        if verb == "post":
            method = "POST"
            body, size, headers["Content-Type"] = form_body(file)
        headers["Content-Length"] = str(size)
        if verb == "put" and more and more[0] not in ("", "-"):
            import base64
            headers["Content-MD5"] = base64.b64encode(bytes.fromhex(more[0])).decode()
    request = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        context = ssl.create_default_context(cafile=authority or None)
    except OSError:
        leave(77)
    opener = urllib.request.build_opener(NoContentType, urllib.request.HTTPSHandler(context=context))
    with opener.open(request, timeout=float(stall)) as response:
        status = response.getcode()
        save(response.headers)
        if verb == "get":
            try:
                file = open(local, "ab" if status == 206 else "wb")
            except OSError:
                leave(23)
            if status == 206 and not (response.headers.get("Content-Range") or "").startswith("bytes %d-" % offset):
                leave(33)
            length, got = response.headers.get("Content-Length"), 0
            while True:
                block = response.read(BLOCK)
                if not block:
                    break
                try:
                    file.write(block)
                except OSError:
                    leave(23)
                got += len(block)
            try:
                file.close()
            except OSError:
                leave(23)
            if length is not None and got != int(length):
                leave(18)
        else:
            with open(private + "/answer", "wb") as file:
                file.write(response.read(BLOCK))
    leave(0)
except urllib.error.HTTPError as error:
    status = error.code
    save(error.headers)
    if verb != "get":
        with open(private + "/answer", "wb") as file:
            file.write(error.read(65536))
    leave(22)
except Exception as error:
    reason = getattr(error, "reason", error)
    if isinstance(reason, ssl.SSLError):
        leave(60 if "CERTIFICATE" in str(reason) else 35)
    if isinstance(reason, socket.gaierror):
        leave(6)
    if isinstance(reason, ConnectionRefusedError):
        leave(7)
    if isinstance(reason, (socket.timeout, TimeoutError)):
        leave(28)
    if isinstance(error, ValueError):
        leave(3)
    leave(56)
' "$1" "$2" "$hs_private" "$hs_left" "$hs_stall_s" "$hs_ca"
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
    done <"$hs_private/headers"
    hs_header=${hs_header%"$hs_cr"}
}

# Seconds until then → hs_left (at least 1, curl's 0 means for ever); fails when there are none.
time_left() {
    now
    hs_left=$((hs_start + $1 - hs_now))
    [ "$hs_left" -le 0 ] || return 0
    hs_left=1
    return 1
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
# URL is asked for again and again. Fails with hs_why; hs_wrong says how often the content was wrong.
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
        case $hs_status in
            000 | 5??) ;;
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
                    [ -z "$hs_refused" ] || return 1
                    hs_refused=yes
                    # A 400 may also be a connection that was too slow: it gets its second try anyway.
                    refresh new || [ "$hs_status" = 400 ] || return 1
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

# A host that answered nothing, or 5xx, to all tries of a file that had the whole patience: the files after
# it get few tries, or a job with many outputs would wait as many times as long. → hs_host
host_of() {
    bare "$1"
    hs_host=${hs_bare#*://}
    hs_host=${hs_host%%/*} hs_nobody=yes
}

came_back() {
    hs_nobody=
    ! is_absent || hs_absent=${hs_absent%%"$hs_nl$hs_host$hs_nl"*}$hs_nl${hs_absent#*"$hs_nl$hs_host$hs_nl"}
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

