# A text, followed by one more character, as a JSON string; bytes that are not UTF-8 become U+FFFD.
BEGIN { for (i = 1; i < 256; i++) ord[sprintf("%c", i)] = i }
{ text = text (NR > 1 ? "\n" : "") $0 }
END {
    length_ = length(text) - 1
    for (i = 1; i <= length_; i += size) {
        c = substr(text, i, 1); b = ord[c]; size = 1
        if (c == "\"" || c == "\\") out = out "\\" c
        else if (b < 32 || b == 127) out = out sprintf("\\u%04x", b)
        else if (b < 128) out = out c
        else {
            want = (b >= 194 && b <= 223) ? 2 : (b >= 224 && b <= 239) ? 3 : (b >= 240 && b <= 244) ? 4 : 0
            low = (b == 224) ? 160 : (b == 240) ? 144 : 128
            high = (b == 237) ? 159 : (b == 244) ? 143 : 191
            good = want && i + want - 1 <= length_
            for (k = 1; good && k < want; k++) {
                next_ = ord[substr(text, i + k, 1)]
                if (next_ < low || next_ > high) good = 0
                low = 128; high = 191
            }
            if (good) { out = out substr(text, i, want); size = want }
            else out = out "\\ufffd"
        }
    }
    printf "\"%s\"", out
}
