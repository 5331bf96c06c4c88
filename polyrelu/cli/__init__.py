"""The command ``polyrelu``; docs/cli.md describes it."""

from .entry import main

__all__ = ["main"]
