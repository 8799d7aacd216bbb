# The bytes of a credential cache, as od -An -v -tu1 gives them: start, end, and end of the renewable life.
{ for (i = 1; i <= NF; i++) byte[n++] = $i }
function number(size,   value) {
    if (bad || at + size > n) { bad = 1; return 0 }
    while (size-- > 0) value = value * 256 + byte[at++]
    return value + 0
}
function skip(size) { if (bad || at + size > n) bad = 1; else at += size }
function text(   size, out) {
    size = number(4)
    if (bad || at + size > n) { bad = 1; return "" }
    while (size-- > 0) out = out byte[at++] " "
    return out
}
function principal(   left) {
    number(4); left = number(4); realm = text(); name = ""
    while (left-- > 0 && !bad) name = name text() "/"
}
function list(   left) {
    left = number(4)
    while (left-- > 0 && !bad) { number(2); skip(number(4)) }
}
END {
    if (n < 4 || byte[0] != 5 || (byte[1] != 3 && byte[1] != 4)) exit 1
    at = 2
    if (byte[1] == 4) skip(number(2))
    principal()
    home = realm
    while (at < n && !bad) {
        principal(); principal()
        is_tgt = realm == home && name == "107 114 98 116 103 116 /" home "/" # krbtgt
        skip(byte[1] == 3 ? 4 : 2); skip(number(4))
        auth = number(4); start = number(4); end = number(4); renew = number(4)
        skip(5); list(); list(); skip(number(4)); skip(number(4))
        if (is_tgt && end > ends) { begins = start ? start : auth; ends = end; renews = renew }
    }
    if (bad || !ends) exit 1
    printf "%.0f %.0f %.0f\n", begins, ends, renews
}
