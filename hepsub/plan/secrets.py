"""Whether a variable holds a secret: by the words of its name, and by the look of its value. Pure."""

from __future__ import annotations

import functools
import re


# The plan and the order that is kept for -resubmit both ask for a whole environment.
@functools.cache
def looks_secret(name: str, value: str) -> bool:
    """Whether a variable holds a secret, by its name or by its look."""
    return _looks_like_one(value) or _named_like_one(name, value)


# ---- by name --------------------------------------------------------------------------------------

_WORD_ENDS = r"[^A-Za-z0-9]+|(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])"

_SPOKEN = r"passwor[dt]|passwd|passphrase|secret"
"""Words for what may look like anything at all, a path and a plain word included."""

_HINT = (
    r"passwor[dt]|passwd|passphrase|secret|credential|macaroon|webhook"
    r"|^(?:auth|authz|authorization|bearer|cookies?|creds?|jwt|mnemonic|otp|totp|pass|passcode|pincode|psk|pwd?)$"
    r"|tokens?$|cookie$|^(?:php|j)?sess(?:ion)?id$"
    r"|(?:^|access|account|api|app|auth|client|crypt|crypto|deploy|encryption|license|master|priv|private|s3"
    r"|session|shared|sign|signing|ssh|storage)keys?$"
    r"|(?:admin|db|ftp|key|ldap|mail|mysql|pg|redis|root|smtp|ssh|store|user)pass$"
    r"|(?:admin|bind|db|ldap|mail|pg|root|smtp|user)pw$"
)
"""What a word of a secret's name holds."""

_ROOTS = (
    "pass", "secret", "cred", "macaroon", "webhook", "auth", "bearer", "cookie", "jwt", "mnemonic", "otp",
    "pincode", "psk", "pw", "token", "sessid", "sessionid", "key",
)  # fmt: skip
"""One of them is in each word that _HINT finds: most names have none, and need not wait for its compilation."""

_FAINT = frozenset(
    {"access", "api", "dsn", "hmac", "nonce", "salt", "sas", "session", "sid", "sig", "signature"}
)
"""Words that make a secret of what looks like random characters."""

_PLACES = frozenset({
    "dir", "directory", "dirs", "file", "files", "filename", "fd", "home", "path", "paths", "sock", "socket",
})  # fmt: skip
"""Last words of the names of places of secrets."""

_ABOUT = frozenset({
    "addr", "address", "age", "alg", "algorithm", "audience", "backend", "backends", "class", "cmd", "command",
    "count", "domain", "enabled", "endpoint", "expiration", "expires", "expiry", "fingerprint", "format", "helper",
    "host", "hosts", "hostname", "ip", "issuer", "length", "lifetime", "limit", "manager", "method", "methods", "mode",
    "name", "plugin", "policy", "port", "prompt", "provider", "proxy", "region", "required", "scope", "scopes",
    "server", "servers", "size", "store", "style", "timeout", "ttl", "type", "uri", "url", "user", "username",
    "version", "vo",
})  # fmt: skip
"""Last words of the names of what is known about a secret."""

_SESSION_MATTERS = (
    r"(?:(?:DBUS|DESKTOP|GDM|GNOME|GTK|I?TERM|KDE|KONSOLE|NX|QT|SSH|WT|X2GO|XDG|ZELLIJ)_?)(?:.*_)?"
    r"(?:AUTH_SOCK|SESSION(?:_?ID)?(?:_[A-Z_]+)?)|SESSION_?(?:MANAGER|TYPE)"
)
"""What names the login session: nothing opens with it."""

_METHODS = (
    r"(?i)basic|digest|gsi|gssapi|kerberos|krb5|ldap|negotiate|none|ntlm|oauth2?|oidc|pam|saml|scram|sss|ssh|sasl"
    r"|token|unix|userpass|x509(?:_proxy)?"
)
_SWITCH = r"(?i)\s*|true|false|yes|no|on|off|none|null|\d{1,3}|[ac]?pass\d{1,2}"
"""Answers to yes-or-no questions, small numbers, and the passes of a reconstruction."""

_PATH = (
    r"(?:(?:W?R?FILE|file|DIR):)?(?:~[\w.-]*|\.{1,2}|/[A-Z]?[a-z0-9_.-]+)"
    r"(?:/(?!(?=[a-z0-9+]*[A-Z])(?=[A-Z0-9+]*[a-z])[A-Za-z0-9+]{20,})[^\s=/]*)*"
    r"|[\w.-]+\.(?:pem|key|crt|cert|cer|p12|pfx|txt|json|ya?ml|conf|cfg|ini|jwt|keytab)"
)
"""A path, which base64 may look like, too: it seldom begins with a small word, nor is it cut often."""

_OPAQUE = r"(?!\w+://)(?=.*\d)(?=.*[A-Za-z])[\w+/=.~:-]{16,}"
"""Letters and digits in a row, as a generator of random text makes them."""

_FINGERPRINT = r"(?:0x)?(?:[0-9A-Z]{8}|[0-9A-Z]{16}|[0-9A-Z]{40})"


def _named_like_one(name: str, value: str) -> bool:
    words = [word.rstrip("0123456789") for word in re.split(_WORD_ENDS, name)]
    words = [word.casefold() for word in words if word]
    hints = [
        word for word in words if any(root in word for root in _ROOTS) and re.search(_HINT, word)
    ]
    # GITHUB_PAT and DB_CONNECTION_STRING: as last words alone they say it.
    if words[-1:] == ["pat"] or words[-2:] == ["connection", "string"]:
        hints.append(words[-1])
    if not hints and "pin" not in words and _FAINT.isdisjoint(words):
        return False
    if re.fullmatch(_SESSION_MATTERS, name) or re.fullmatch(_SWITCH, value):
        return False
    if not hints:
        return _faintly(words, value)
    return not _harmless(words, hints, value)


def _faintly(words: list[str], value: str) -> bool:
    """Whether a name that says little and a value that says little say it together."""
    if "pin" in words and re.fullmatch(r"\d{4,8}", value):
        return True
    looks_random = re.fullmatch(_OPAQUE, value) is not None or ("dsn" in words and "@" in value)
    return not _FAINT.isdisjoint(words) and looks_random and not re.fullmatch(_PATH, value)


def _harmless(words: list[str], hints: list[str], value: str) -> bool:
    """Whether a value is none of those that its name promises."""
    last = words[-1]
    if last in _PLACES:
        return re.fullmatch(_PATH, value) is not None or not re.fullmatch(_OPAQUE, value)
    if last in _ABOUT:
        return "webhook" not in words  # who knows the URL may use it
    if re.fullmatch(_PATH, value):
        return not any(re.search(_SPOKEN, hint) for hint in hints)
    # SORT_KEY=3, MAX_TOKENS=4096, GPG_KEY=<fingerprint>: key and tokens are words of other trades, too.
    if all(hint in ("key", "keys", "tokens") for hint in hints):
        return bool(
            re.fullmatch(r"\d{1,6}", value)
            or not {"public", "pub"}.isdisjoint(words)
            or (not {"gpg", "pgp"}.isdisjoint(words) and re.fullmatch(_FINGERPRINT, value))
        )
    return hints[-1] in ("auth", "authz") and re.fullmatch(_METHODS, value) is not None


# ---- by value -------------------------------------------------------------------------------------

_SHAPES = (
    # Private keys, bare and in base64 (certificates are none).
    ("private key", r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY"),
    ("ls0tls1crudjti", r"\bLS0tLS1CRUdJTi(?!BDRVJU)"),
    ("user-key-file age-secret-key", r"\bPuTTY-User-Key-File-|\bAGE-SECRET-KEY-1"),
    # Tokens: JSON Web Tokens, macaroons, and those that tell by their first letters whose they are.
    ("eyj", r"(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*"),
    ("xvy2f0aw9u", r"\bMDA\w{3}xvY2F0aW9u"),
    ("akia asia", r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    ("ghp_ gho_ ghs_ ghu_ ghr_ github_pat_", r"\b(?:gh[opsur]_|github_pat_)\w{20,}"),
    (
        "glpat- glptt- glrt- gldt- glcbt- glft- glagent- glsoat- glimt- glffct- gloas-",
        r"\bgl(?:pat|ptt|rt|dt|cbt|ft|agent|soat|imt|ffct|oas)-[\w-]{16,}",
    ),
    ("xox xapp-", r"\bxox[a-z]-[\w-]{10,}|\bxapp-\d-[\w-]{10,}"),
    (
        "sk- sk_ rk_ whsec_",
        r"\bsk-[A-Za-z0-9][\w-]{19,}|\b[sr]k_(?:live|test)_\w{16,}|\bwhsec_\w{16,}",
    ),
    ("hf_ gsk_ nvapi- r8_", r"\bhf_[A-Za-z0-9]{20,}|\bgsk_\w{40,}|\bnvapi-[\w-]{40,}|\br8_\w{30,}"),
    (
        "npm_ pypi- rubygems_",
        r"\bnpm_[A-Za-z0-9]{30,}|\bpypi-AgE[\w-]{20,}|\brubygems_[0-9a-f]{40,}",
    ),
    ("aiza ya29. gocspx-", r"\bAIza[\w-]{35}|\bya29\.[\w-]{20,}|\bGOCSPX-[\w-]{20,}"),
    ("dckr_ dop_v1_ dapi", r"\bdckr_(?:pat|oat)_[\w-]{20,}|\bd(?:op_v1_|api)[0-9a-f]{32,}"),
    ("sg. hvs. hvb. hvr.", r"\bSG\.[\w-]{16,}\.[\w-]{16,}|\bhv[bsr]\.[\w-]{20,}"),
    (
        "glsa_ sntry tskey- atatt3x",
        r"\b(?:glsa_|sntry[su]_|tskey-|ATATT3x)[\w=+/-]{20,}",
    ),
    (":aa", r"\b\d{8,10}:AA[\w-]{33}\b"),
    # Webhooks: who knows the URL may use it.
    (
        "hooks webhook /hook/",
        r"hooks\.slack\.com/(?:services|workflows)/\w|discord(?:app)?\.com/api/webhooks/\d"
        r"|\.webhook\.office\.com/|/open-apis/bot/v\d/hook/|://[^/\s]+/hooks/\w{20,}",
    ),
    # URLs with a password (a port is none), a signature or a token; and what Go calls a DSN.
    ("://", r"://[^/@\s:]*:(?!\d+(?:[/,?#]|$))[^@\s]{1,256}@"),
    (
        "key= token= authz= sig= signature=",
        r"(?i:[?&](?:x-(?:amz|goog)-(?:signature|security-token)=[^&\s]"
        r"|(?:signature|sig|authz|(?:access_|private_|auth_)?token|api_?key|key)=[\w%.+/-]{16,}))",
    ),
    (
        "password= passwd= pwd= secret=",
        r"(?i:[?&](?:password|passwd|pwd|client_secret)=[^&\s])",
    ),
    ("@tcp( @unix(", r"[^\s:@/]:[^\s@/]{1,128}@(?:tcp|unix)\("),
    # Headers, and arguments of programs.
    ("bearer", r"\b[Bb]earer(?:\s+|%20)[\w.~+/-]{12,}"),
    ("basic ", r"\b[Bb]asic\s+(?=\S*(?:[0-9=]|[a-z][A-Z]))[A-Za-z0-9+/]{8,}={0,2}(?!\w)"),
    ("-u --user", r"(?:^|\s)(?:-u|--user)[\s=]+(?!\d+:\d)[^\s:/]+:[^\s/]"),
    ("login", r"\blogin\s+\S+\s+password\s+\S"),
    # `password=…` in connection strings, options and JSON, but for places and other variables.
    (
        "password passwd passphrase secret private api access auth identity refresh",
        r"(?i:(?<![\w.-])[\w.-]*(?:password|passwd|passphrase|secret|private[_-]?key|api[_-]?key"
        r"|(?:access|auth|identity|refresh|private)[_-]?token)[\"']?\s*[=:]\s*[\"']?"
        r"(?![~$%*]|/[a-z][\w.-]*(?:/|$)|(?:true|false|yes|no|none|null|prompt)\b)[^\s;&\"'*]{3,})",
    ),
    ("pwd", r"(?i:(?:^|;)\s*pwd\s*=\s*(?!/)[^\s;])"),
    (
        "accountkey sharedaccess instrumentationkey",
        r"(?i:\b(?:account|sharedaccess|instrumentation)(?:key|signature)\s*=\s*[^\s;])",
    ),
    ("\"auth", r"\"auth\"\s*:\s*\"[^\"]|\"auths\"\s*:\s*\{\s*\""),
)  # fmt: skip
"""What tells a secret: words one of which is in the value, in small letters, and the expression proper.

Only few expressions are compiled and run that way: an environment is large, and hep_sub is started often.
"""


def _looks_like_one(value: str) -> bool:
    folded = value.lower()
    return any(
        re.search(shape, value)
        for words, shape in _SHAPES
        if any(word in folded for word in words.split(" ") if word)
    )
