"""Optional packages: imported when a loader needs them, never before."""

from __future__ import annotations

import importlib
from types import ModuleType

from ..errors import MissingExtraError


def require(module: str, extra: str) -> ModuleType:
    """The imported ``module``.

    Raises:
        MissingExtraError: its package is not installed; the message says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise MissingExtraError(
            f"this needs the package {error.name}: pip install polyrelu[{extra}]"
        ) from None
