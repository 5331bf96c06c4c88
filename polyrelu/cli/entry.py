"""From words to an exit code."""

from __future__ import annotations

import io
import os
import sys
import traceback
from contextlib import suppress

from ..errors import IncompleteError, PolyreluError
from .commands import COMMANDS, parser
from .options import with_signed_values
from .output import BUG, DONE, INTERRUPTED, LIMIT, USAGE, complain


def main(argv: list[str] | None = None) -> int:
    """Run the command line ``argv``; the exit code: 0 done, 1 refuted, 2 usage, 3 limit."""
    _encode_anything()
    try:
        typed = sys.argv[1:] if argv is None else argv
        args = parser().parse_args(with_signed_values(typed))
        args.typed = typed
        code: int = COMMANDS[args.command](args)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code
    except SystemExit as stop:  # argparse has written its message
        return stop.code if isinstance(stop.code, int) else USAGE
    except BrokenPipeError:  # the reader has gone: `polyrelu ... | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except IncompleteError as error:
        complain(str(error))
        return LIMIT
    except (PolyreluError, OSError) as error:
        complain(str(error))
        return USAGE
    except KeyboardInterrupt:
        complain("interrupted, nothing was kept")
        return INTERRUPTED
    except Exception:  # a bug of ours: its code must not be taken for "refuted"
        with suppress(OSError, ValueError, AttributeError):
            traceback.print_exc()
        return BUG


def _encode_anything() -> None:
    """A file name may hold what the terminal's encoding does not."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
