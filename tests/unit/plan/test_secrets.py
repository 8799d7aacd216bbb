"""Which variables hold a secret."""

from __future__ import annotations

import time

import pytest

from hepsub.plan.secrets import looks_secret
from tests.unit.plan.variables import Variable, variables

SEEDS = range(20)
JWT = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl"


@pytest.mark.parametrize("seed", SEEDS)
def test_what_holds_a_secret_is_known_as_one(seed: int) -> None:
    """Of clouds, CI, databases, web, machine learning and the field; random ones may look like paths."""
    missed = [each for each in variables("secret_variables", seed) if not _looks(each)]
    assert missed == []


@pytest.mark.parametrize("seed", SEEDS)
def test_what_holds_none_is_left_in_peace(seed: int) -> None:
    """Of shells, desktops, experiments' software and batch systems: a job may need any of them."""
    withheld = [each for each in variables("harmless_variables", seed) if _looks(each)]
    assert withheld == []


def test_the_tables_are_long_enough_to_tell_something() -> None:
    """At least 150 of each kind."""
    assert len({each.name for each in variables("secret_variables")}) >= 150
    assert len({each.name for each in variables("harmless_variables")}) >= 150


def _looks(each: Variable) -> bool:
    return looks_secret(each.name, each.value)


@pytest.mark.parametrize(
    "name",
    [
        "AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "token", "Token2", "MYSQL_PASSWORD", "PGPASSWORD", "DB_PASSWD",
        "GPG_PASSPHRASE", "OPENAI_APIKEY", "openaiApiKey", "CLIENT_SECRET", "SMTP_PASS", "GITLAB_PAT", "HTTP_AUTH",
        "SESSION_COOKIE", "MACAROON", "npm_config__authToken", "a.b-token", "SLACK_WEBHOOK_URL",
    ],
)  # fmt: skip
def test_a_name_tells_a_secret_whatever_its_value_looks_like(name: str) -> None:
    """In any case of letters, with words told apart by any sign, or by capitals."""
    assert looks_secret(name, "rabbit")


@pytest.mark.parametrize("value", ["", " ", "true", "No", "off", "1", "none"])
def test_an_answer_to_a_question_is_no_secret(value: str) -> None:
    """USE_TOKEN=true tells nobody anything."""
    assert not looks_secret("USE_TOKEN", value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X509_USER_KEY", "/afs/ihep.ac.cn/users/a/alice/.globus/userkey.pem"),
        ("X509_USER_KEY", "FILE:/tmp/x509up_u10001"),
        ("X509_USER_KEY", "~/.globus/userkey.pem"),
        ("X509_USER_KEY", "userkey.pem"),
        ("TOKEN_FILE", "token"),
        ("PASSWORD_FILE", "/run/secrets/db"),
        ("CREDENTIALS_DIR", "creds"),
    ],
)
def test_the_place_of_a_secret_is_none(name: str, value: str) -> None:
    """A path opens nothing for who may not read the file."""
    assert not looks_secret(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DB_PASSWORD", "/usr/share"),
        ("CLIENT_SECRET", "rabbit.key"),
        ("TOKEN_FILE", "0123456789abcdefABCDEF0123456789"),
        ("SSH_KEY_FILE", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc"),
        ("ACCOUNT_KEY", "/x+Qm3/Wd8fkJ2hYb7Rt5Nc1Vg9Lp4SzAe6Uo0Ti/Kw=="),
    ],
)
def test_a_secret_that_poses_as_a_place_is_one(name: str, value: str) -> None:
    """A password may be anything, base64 begins with a slash now and then, and a file may be given as its text."""
    assert looks_secret(name, value)


@pytest.mark.parametrize(
    "value",
    [
        JWT,
        f"Bearer {JWT}",
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "ghp_0123456789abcdefghijABCDEFGHIJ",
        "glpat-0123456789abcdefghij",
        "https://s3.example.org/b/k?X-Amz-Date=1&X-Amz-Signature=0123456789abcdef",
        "https://s3.example.org/b/k?X-Amz-Date=1&X-Amz-Signature=short",
        "https://alice:pw@example.org/repo.git",
        "redis://:pw@host:6379",
        "redis://:12345@host:6379",
        "/opt/tool --password=rabbit",
        '{"password": "rabbit"}',
        "Server=db;Uid=alice;Pwd=rabbit;",
    ],
)
def test_a_secret_is_known_by_its_look(value: str) -> None:
    """Tokens, keys, pre-signed URLs and passwords in URLs, whatever the variable's name."""
    assert looks_secret("HARMLESS", value)
    assert looks_secret("", value)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "/usr/bin:/bin",
        "http://proxy.example.org:3128",
        "http://proxy.example.org:3128/a@b",
        "root://eos.example.org:1094//eos/juno",
        "root://alice@eos.example.org:1094//eos/juno",
        "alice@example.org",
        "a:b@c",
        "eyJ",
        "AKIA",
        "-----BEGIN CERTIFICATE-----",
        "docker run -u 1000:1000 image",
        "--password-file=/run/secrets/db --token=$TOKEN --secret /run/s",
        "Basic understanding of jobs",
        "x" * 40,
        "0123456789abcdefABCDEF0123456789abcdefAB",
    ],
)
def test_ordinary_values_are_no_secrets(value: str) -> None:
    """Paths, proxies and addresses travel, and so does what only looks random."""
    assert not looks_secret("HARMLESS", value)


WORDS = 40 * "a1"
"""What tells by nothing but what stands before it."""
KINDS = """
    -----BEGIN%20EC%20PRIVATE%20KEY LS0tLS1CRUdJTiBQ PuTTY-User-Key-File-3 AGE-SECRET-KEY-1
    eyJ*.*. MDAxMDxvY2F0aW9u AKIAABCDEFGHIJKLMNOP ASIAABCDEFGHIJKLMNOP
    ghp_* gho_* ghs_* ghu_* ghr_* github_pat_*
    glpat-* glptt-* glrt-* gldt-* glcbt-* glft-* glagent-* glsoat-* glimt-* glffct-* gloas-*
    xoxb-* xoxp-* xapp-1-* sk-* sk_live_* sk_test_* rk_live_* rk_test_* whsec_* hf_* gsk_* nvapi-* r8_*
    npm_* pypi-AgE* rubygems_* ya29.* GOCSPX-* dckr_pat_* dckr_oat_* dop_v1_* dapi*
    SG.*.* hvs.* hvb.* hvr.* glsa_* sntrys_* sntryu_* tskey-* ATATT3x*
    https://hooks.slack.com/services/T https://hooks.slack.com/workflows/T https://discord.com/api/webhooks/1
    https://discordapp.com/api/webhooks/1 https://x.webhook.office.com/ https://x/open-apis/bot/v2/hook/y
    https://x/hooks/* https://alice:pw@host amqp://:1@host ftp://a:22x@host
    https://x?x-goog-signature=1 https://x?X-Amz-Security-Token=1 https://x?sig=* https://x?a=1&signature=*
    https://x?token=* https://x?access_token=* https://x?private_token=* https://x?auth_token=* https://x?authz=*
    https://x?api_key=* https://x?apikey=* https://x?key=*
    https://x?password=r https://x?passwd=r https://x?pwd=r https://x?client_secret=r
    alice:pw@tcp(host) alice:pw@unix(/s)
    Bearer%20* basic%20YWxpY2U6cHc= curl%20-u%20alice:pw curl%20--user=alice:pw login%20alice%20password%20x
    user=a;password=rabbit passwd:rabbit passphrase=rabbit secret='rabbit' --private-key=rabbit privateKey=rabbit
    --api-key=rabbit --auth-token=rabbit
    api_key=rabbit access_token=rabbit auth_token=rabbit identity_token=rabbit refresh_token:rabbit
    "private_token":"rabbit" Pwd=rabbit a;pwd=rabbit AccountKey=x SharedAccessKey=x SharedAccessSignature=x
    InstrumentationKey=x {"auth":"YQ=="} {"auths":{"r":{}}}
"""


@pytest.mark.parametrize("kind", KINDS.split())
def test_each_kind_of_token_is_known_by_its_look(kind: str) -> None:
    """Whatever the name, and in a longer text."""
    value = kind.replace("%20", " ").replace("*", WORDS)
    for text in (value, f"x {value}") if not kind.startswith("Pwd") else (value,):
        assert looks_secret("HARMLESS", text)


ABOUT = """
    addr address age alg algorithm audience backend backends class cmd command count domain enabled endpoint expiration
    expires expiry fingerprint format helper host hosts hostname ip issuer length lifetime limit manager method methods
    mode name plugin policy port prompt provider proxy region required scope scopes server servers size store style
    timeout ttl type uri url user username version vo
"""
PLACES = "dir directory dirs file files filename fd home path paths sock socket"
FAINT = "access api dsn hmac nonce salt sas session sid sig signature"


@pytest.mark.parametrize("word", ABOUT.split())
def test_what_is_known_about_a_secret_is_none(word: str) -> None:
    """But the URL of a webhook is."""
    assert not looks_secret(f"SECRET_{word.upper()}", "rabbit")
    assert not looks_secret(f"secret{word.capitalize()}2", "rabbit")
    assert looks_secret(f"WEBHOOK_SECRET_{word.upper()}", "rabbit")
    assert looks_secret(f"{word.upper()}_SECRET", "rabbit")


@pytest.mark.parametrize("word", PLACES.split())
def test_a_name_of_a_place_holds_none(word: str) -> None:
    """Unless its value is no place, but the secret itself."""
    assert not looks_secret(f"SECRET_{word.upper()}", "rabbit")
    assert not looks_secret(f"SECRET_{word.upper()}", f"~/{WORDS}")
    assert looks_secret(f"SECRET_{word.upper()}", WORDS)


SECRET_WORDS = """password passwort passwd passphrase secret credential macaroon webhook
    auth authz authorization bearer cookie cookies cred creds jwt mnemonic otp totp pass passcode pincode psk pw pwd
    token tokens sessioncookie sessid sessionid phpsessid jsessionid
    key keys accesskey accountkey apikey appkey authkey clientkey cryptkey cryptokey deploykey encryptionkey licensekey
    masterkey privkey privatekey s3key sessionkey sharedkey signkey signingkey sshkey storagekeys
    adminpass dbpass ftppass keypass ldappass mailpass mysqlpass pgpass redispass rootpass smtppass sshpass storepass
    userpass adminpw bindpw dbpw ldappw mailpw pgpw rootpw smtppw userpw pat"""


@pytest.mark.parametrize("word", SECRET_WORDS.split())
def test_each_word_for_a_secret(word: str) -> None:
    for name in (word, f"MY_{word.upper()}", f"my.{word}2"):
        assert looks_secret(name, "rabbit"), name
    assert not looks_secret(word, "true")
    spoken = ("passwor", "passwd", "passphrase", "secret")
    assert looks_secret(word, "/data/rabbit") is word.startswith(spoken)


@pytest.mark.parametrize(
    ("name", "value", "is_one"),
    [
        *((word, WORDS, True) for word in FAINT.split()),
        *((word, "rabbit", False) for word in FAINT.split()),
        ("API", "/data/0123456789abcdef", False),
        ("API", "https://x/0123456789abcdef", False),
        ("DSN", "alice@host", True),
        ("API", "alice@host", False),
        ("MY_PIN", "1234", True),
        ("MY_PIN", "12345678", True),
        ("MY_PIN", "123", False),
        ("MY_PIN", "123456789", False),
        ("DB_CONNECTION_STRING", "rabbit", True),
        ("DB_STRING", "rabbit", False),
        ("MONKEY", "rabbit", False),
        ("MY_KEY", "12345", False),
        ("MY_TOKENS", "4096", False),
        ("MY_KEY", "1234567", True),
        ("MY_TOKEN", "123456", True),
        ("SSH_PUBLIC_KEY", "rabbit", False),
        ("PUB_KEY", "rabbit", False),
        ("GPG_KEY", "0123456789ABCDEF", False),
        ("GPG_KEY", "0xA1B2C3D4", False),
        ("GPG_KEY", "rabbit", True),
        ("SSH_KEY", "A1B2C3D4", True),
        *(("X_AUTH", method, False) for method in (
            "Basic", "digest", "gsi", "GSSAPI", "kerberos", "krb5", "ldap", "negotiate", "ntlm", "oauth", "oauth2",
            "oidc", "pam", "saml", "scram", "sss", "ssh", "sasl", "token", "unix", "userpass", "x509", "x509_proxy",
        )),
        ("X_TOKEN", "krb5", True),
        ("AUTHZ", "scram", False),
        *(("SSH_AUTH_SOCK", value, False) for value in ("/tmp/x", WORDS)),
        *((name, WORDS, False) for name in (
            "SESSION_MANAGER", "SESSIONTYPE", "XDG_SESSION_ID", "DESKTOP_SESSION", "ITERM_SESSION_ID",
            "DBUS_SESSION_BUS_ADDRESS", "ZELLIJ_SESSION_NAME", "GNOME_KEYRING_AUTH_SOCK",
        )),
        ("MY_SESSION_ID", WORDS, True),
        *(("KEY_TOKEN", answer, False) for answer in ("", " ", "yes", "NULL", "123", "pass2", "apass12", "cpass1")),
        *(("KEY_TOKEN", answer, True) for answer in ("1234", "yess", "dpass1", "pass123")),
        *(("TOKEN", path, False) for path in (
            "FILE:/tmp/x", "WRFILE:/tmp/x", "RFILE:/x", "DIR:/tmp", "file:/x", "~alice/x", ".", "../x", "/Data/x",
            "k.pem", "k.crt", "k.cert", "k.cer", "k.p12", "k.pfx", "k.txt", "k.json", "k.yml", "k.yaml", "k.conf",
            "k.cfg", "k.ini", "k.jwt", "k.keytab", "k.key",
        )),
        *(("TOKEN", path, True) for path in ("FILE:x", "k.exe", "/a b", "x/y", "/x/aB" + "3" * 20)),
    ],
)  # fmt: skip
def test_a_name_and_a_value_say_it_together(name: str, value: str, is_one: bool) -> None:
    assert looks_secret(name, value) is is_one


@pytest.mark.parametrize("text", ["eyJ-", "a-", "://", "password ", " -u", "/a", "%20", "key=v&?"])
def test_a_large_value_takes_no_time_to_speak_of(text: str) -> None:
    """No expression goes over a value again and again: a variable may have 128 kB."""
    begun = time.process_time()
    for name in ("HARMLESS", "SSH_KEY", "SESSION"):
        looks_secret(name, text * (128_000 // len(text)))
    assert time.process_time() - begun < 10
