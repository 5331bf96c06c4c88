"""Files that a command is to write: refused before the work, not after it."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from .where import UsageError


def check_target(path: Path, suffixes: tuple[str, ...]) -> None:
    """Before the work, not after it."""
    if path.suffix.lower() not in suffixes:
        raise UsageError(f"-o (--save) must end in {' or '.join(suffixes)}, not {str(path)!r}")
    folder = path.absolute().parent
    if not folder.is_dir():
        raise UsageError(f"--save: there is no folder {str(folder)!r}")
    if path.is_dir():
        raise UsageError(f"--save must be a file, but {str(path)!r} is a folder")
    if not os.access(path if path.exists() else folder, os.W_OK):
        raise UsageError(f"--save: {str(path)!r} cannot be written")


def check_apart(args: argparse.Namespace) -> None:
    if args.save.exists() and args.file.exists() and args.save.samefile(args.file):
        raise UsageError(f"--save would replace the network in {str(args.save)!r}")
