"""URLs for GETs that are sent at once: Signature Version 4, query string.

botocore's signer makes the same URL (a test compares them), and takes five times as long: most of a URL is the
same for thousands of objects. (AWS General Reference, "Authenticating Requests: Using Query Parameters".)
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import time
from collections.abc import Mapping
from urllib.parse import quote

from hepsub.plan.location import ObjectPlace
from hepsub.storage.keys import Keys
from hepsub.storage.s3 import Store

_URL_S = 900
_PATH = "/~%"
"""What is left as it is in a path, which is quoted already."""


def sign_get(store: Store, place: ObjectPlace) -> str:
    """A URL that reads an object, soon."""
    return sign_url(store, store.url(place.bucket, place.key))


def sign_url(store: Store, url: str, query: Mapping[str, str] | None = None) -> str:
    """A URL for a GET, soon, of what a storage has there.

    Args:
        store: the storage.
        url: the URL, without a query.
        query: its query.
    """
    now = time.gmtime()
    day, moment = time.strftime("%Y%m%d", now), time.strftime("%Y%m%dT%H%M%SZ", now)
    scope = f"{day}/{store.storage.region}/s3/aws4_request"
    path = quote(url.partition("://")[2].partition("/")[2], safe=_PATH)
    asked = {
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": f"{store.keys.access}/{scope}",
        "X-Amz-Date": moment,
        "X-Amz-Expires": str(_URL_S),
        "X-Amz-SignedHeaders": "host",
        **({"X-Amz-Security-Token": store.keys.token} if store.keys.token else {}),
        **(query or {}),
    }
    words = "&".join(f"{quote(name, safe='')}={_quoted(asked[name])}" for name in sorted(asked))
    request = f"GET\n/{path}\n{words}\nhost:{host_of(url)}\n\nhost\nUNSIGNED-PAYLOAD"
    hashed = hashlib.sha256(request.encode()).hexdigest()
    text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashed}"
    key = _signing_key(store.keys, day, store.storage.region)
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    return f"{url}?{words}&X-Amz-Signature={signature}"


def host_of(url: str) -> str:
    """What stands as the host in a request for a URL: without the port where that is the usual one."""
    scheme, _, rest = url.partition("://")
    return rest.partition("/")[0].removesuffix(":443" if scheme == "https" else ":80")


def _quoted(text: str) -> str:
    return quote(text, safe="-_.~")


@functools.lru_cache(8)
def _signing_key(keys: Keys, day: str, region: str) -> bytes:
    key = f"AWS4{keys.secret}".encode()
    for word in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return key
