"""A page in headless Chromium, where it is installed: what it says when it is there."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
PROGRAM = next((found for name in NAMES if (found := shutil.which(name))), None)
needs_browser = pytest.mark.skipif(PROGRAM is None, reason="there is no Chromium")

# A frame as wide as asked: windows themselves have a least width. It asks the page in it, which a
# frame of the same origin may do, though the page itself may run no script.
FRAME = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe id="page" src="{source}" style="border:0;width:{width}px;height:{height}px"></iframe>
<script>
document.getElementById("page").addEventListener("load", () => {{
  const page = document.getElementById("page").contentDocument, root = page.documentElement;
  const images = [...page.images];
  const told = {{
    title: page.title, text: page.body.innerText, overflow: root.scrollWidth - root.clientWidth,
    images: images.length, drawn: images.filter(i => i.complete && i.naturalWidth > 0).length,
    background: getComputedStyle(page.body).backgroundColor,
    requests: performance.getEntriesByType("resource").map(e => e.name),
    inside: page.defaultView.performance.getEntriesByType("resource").map(e => e.name),
    canvas: [...page.querySelectorAll("canvas")].map(c => c.toDataURL().length),
  }};
  document.body.setAttribute("data-told", JSON.stringify(told));
}});
</script>
"""


def look(page: Path, width: int = 1000, height: int = 900, *, dark: bool = False) -> dict[str, Any]:
    """What a page says of itself in a window of some width; with it ``complaints``, the browser's
    messages about the page (but for those on drawing in software), and ``screenshot``, the
    bytes of a picture."""
    folder = page.parent / f"look-{width}-{dark}"
    folder.mkdir(exist_ok=True)
    frame, picture = folder / "frame.html", folder / "picture.png"
    frame.write_text(FRAME.format(source=page.as_uri(), width=width, height=height))
    scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
    options = ["--headless", "--no-sandbox", "--disable-gpu", "--allow-file-access-from-files",
               "--hide-scrollbars", "--enable-logging=stderr", "--virtual-time-budget=4000",
               f"--user-data-dir={folder / 'profile'}", f"--window-size={width},{height}",
               *scheme]  # fmt: skip
    base = [str(PROGRAM), *options]
    run = {"capture_output": True, "text": True, "timeout": 90, "env": dict(os.environ)}
    dumped = subprocess.run([*base, "--dump-dom", frame.as_uri()], check=True, **run)
    subprocess.run([*base, f"--screenshot={picture}", frame.as_uri()], check=True, **run)
    told = re.search(r'data-told="([^"]*)"', dumped.stdout)
    assert told, dumped.stderr
    found: dict[str, Any] = json.loads(unescape(told[1]))
    complaints = [
        line for line in dumped.stderr.splitlines() if "CONSOLE" in line and "WebGL" not in line
    ]
    return found | {"complaints": complaints, "screenshot": picture.read_bytes()}
