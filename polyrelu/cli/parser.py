"""The parser that the commands share: wrong usage is one line, with what may have been meant."""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from ..suggestion import did_you_mean

SHELLS = ("bash", "zsh", "tcsh")
_CHOICE = re.compile(r"invalid choice: '([^']*)' \(choose from (.*)\)")
_UNKNOWN = re.compile(r"unrecognized arguments: (--?[\w-]+)")


class Parser(argparse.ArgumentParser):
    """Of the command line, or of one of its commands."""

    commands: Mapping[str, Parser] = {}

    def add_subparsers(self, **how: Any) -> Any:
        made = super().add_subparsers(**how)
        self.commands = made.choices
        return made

    def parse_args(self, args: Any = None, namespace: Any = None) -> Any:
        """An option that a command lacks is that command's error, which knows what it has; one
        before the command is this parser's."""
        words = sys.argv[1:] if args is None else list(args)
        if words and self._is_unknown(words[0]):  # argparse would only miss the command
            self.error(f"unrecognized arguments: {words[0]}")
        found, unknown = self.parse_known_args(words, namespace)
        if unknown:
            parser = self.commands.get(getattr(found, "command", ""), self)
            parser.error(f"unrecognized arguments: {' '.join(unknown)}")
        return found

    def _is_unknown(self, word: str) -> bool:
        if not word.startswith("-") or word.startswith("-h"):
            return False
        name = word.partition("=")[0]
        return not any(known.startswith(name) for known in self._options())

    def _options(self) -> list[str]:
        return ["--help", *re.findall(r"--[\w-]+", self.format_usage())]

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"polyrelu: {message}{self._meant(message)} (see {self.prog} --help)\n")

    def _meant(self, message: str) -> str:
        if match := _CHOICE.search(message):
            return did_you_mean(match[1], re.findall(r"[\w-]+", match[2]))
        if match := _UNKNOWN.search(message):
            return did_you_mean(match[1], self._options())
        return ""


class PrintCompletion(argparse.Action):
    """``--print-completion SHELL``: write a shell's completion script and stop."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        from ..io._extras import require

        shtab: Any = require("shtab", "completion")
        _complete_files(parser, shtab.FILE)
        sys.stdout.write(shtab.complete(parser, values) + "\n")
        parser.exit(0)


def _complete_files(parser: argparse.ArgumentParser, file: Any) -> None:
    """Tells shtab which arguments are files."""
    for action in parser._actions:  # as shtab itself does: argparse has no other way to ask
        if action.type is Path or action.dest in ("data", "save"):
            action.complete = file  # type: ignore[attr-defined]
    for command in getattr(parser, "commands", {}).values():
        _complete_files(command, file)
