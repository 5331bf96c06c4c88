"""What pages of HTML share: templates, data that they hold, and what may run on them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from importlib.resources import files
from typing import Any


def filled(name: str, values: Mapping[str, str]) -> str:
    """The template ``data/name`` with ``{{NAMES}}`` replaced; ``HASH`` is that of its script.

    Values stand in it as they are: text has to be escaped before.
    """
    template = (files("polyrelu") / "data" / name).read_text(encoding="utf-8")
    whole = {"HASH": _script_hash(template), **values}
    return re.sub(r"\{\{([A-Z]+)\}\}", lambda found: whole[found[1]], template)


def _script_hash(template: str) -> str:
    """What a page's security policy calls the script in it: no other one may run there, whatever
    the values hold."""
    script = re.search(r"<script>(.*?)</script>", template, re.DOTALL)
    if script is None:
        return "none"
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    return f"sha256-{digest}"


def script_json(data: Mapping[str, Any]) -> str:
    """JSON that may stand in a script element: nothing in it ends the element or begins another."""
    text = json.dumps(data, allow_nan=False, separators=(",", ":"))
    for character in "<>&":
        text = text.replace(character, f"\\u{ord(character):04x}")
    return text


def data_uri(data: bytes, kind: str) -> str:
    """Bytes as an address that loads nothing; the kind is such as ``image/png``."""
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"
