# Hexadecimal digits as base64.
{
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
}
