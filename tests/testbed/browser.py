"""A browser without a screen: it fills in the forms of the provider's pages for a device code."""

import ssl
import urllib.request
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from pathlib import Path
from urllib.parse import urlencode, urljoin

from tests.testbed.process import TestbedError

MOST_PAGES = 8


@dataclass
class Form:
    """A form of a page."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    can_refuse: bool = False


class _Forms(HTMLParser):
    """Collects the forms of a page; a button named abort is no field."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a form, or a named field of the last one."""
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.found.append(Form(values.get("action", "")))
        elif tag in {"input", "button"} and self.found:
            self._take(values.get("name", ""), values.get("value", ""))

    def _take(self, name: str, value: str) -> None:
        form = self.found[-1]
        if name == "abort":
            form.can_refuse = True
        elif name:
            form.fields[name] = value


def answer(url: str, trust: Path, subject: str, *, deny: bool = False) -> str:
    """Go through the pages from `url` on as `subject`, who agrees or not; return the last page."""
    jar = CookieJar(DefaultCookiePolicy(secure_protocols=("https",)))
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}),
        urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=trust)),
        urllib.request.HTTPCookieProcessor(jar),
    )
    data: bytes | None = None
    refused = False
    for _ in range(MOST_PAGES):
        with opener.open(url, data, timeout=20) as page:
            text, here = str(page.read(), "utf-8"), str(page.url)
        forms = _Forms()
        forms.feed(text)
        if not forms.found or refused:
            return text
        form = forms.found[0]
        refused = deny and form.can_refuse
        fields = form.fields | ({"abort": "yes"} if refused else {})
        if "login" in fields:
            fields |= {"login": subject, "password": "any"}
        url, data = urljoin(here, form.action), urlencode(fields).encode()
    raise TestbedError(f"the provider's pages for {subject} have no end: {url}")
