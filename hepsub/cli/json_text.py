"""Values as JSON that any terminal shows."""

from __future__ import annotations

import json


def json_text(document: object) -> str:
    """A document on one line of printable ASCII; `json` itself leaves DEL as it is."""
    return json.dumps(document, ensure_ascii=True).replace("\x7f", "\\u007f")
