# A token: the end that a JWT tells, between two `-`.
NR == 1 { token = $0; sub(/\r$/, "", token) }
NR > 1 && NF { more = 1 }
function decoded(text,   i, rest, bits, power, out) {
    for (i = 1; i <= length(text); i++) {
        rest = rest * 64 + index(letters, substr(text, i, 1)) - 1
        bits += 6
        if (bits < 8) continue
        bits -= 8
        power = bits == 4 ? 16 : bits == 2 ? 4 : 1
        out = out character[int(rest / power)]
        rest %= power
    }
    return out
}
END {
    if (token == "" || more || token ~ /[^!-~]/) exit 1
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    for (i = 32; i < 127; i++) character[i] = sprintf("%c", i)
    ends = "-"
    if (split(token, part, ".") == 3) {
        gsub(/-/, "+", part[2]); gsub(/_/, "/", part[2]); gsub(/=/, "", part[2])
        if (part[2] !~ "[^A-Za-z0-9+/]" && match(text = decoded(part[2]), /"exp" *: *[0-9]+/)) {
            text = substr(text, RSTART, RLENGTH); sub(/.*: */, "", text)
            if (length(text) > 8) ends = text
        }
    }
    print "-", ends, "-"
}
