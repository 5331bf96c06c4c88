"""Every exception that polyrelu raises on purpose derives from :class:`PolyreluError`."""

from __future__ import annotations


class PolyreluError(Exception):
    """Base of all errors that polyrelu raises on purpose."""


class NetworkError(PolyreluError, ValueError):
    """A network's data are unusable: a shape, a NaN, an empty layer."""


class UnsupportedLayerError(NetworkError):
    """An operation is not piecewise affine, or is not known to polyrelu."""


class FileFormatError(PolyreluError, ValueError):
    """A file is not what its name says, is truncated, or claims impossible sizes."""


class DomainError(PolyreluError, ValueError):
    """A domain is empty, malformed, or does not fit the network."""


class PointsError(PolyreluError, ValueError):
    """A set of points, or their labels, is unusable: empty, not finite, of another dimension."""


class LimitsError(PolyreluError, ValueError):
    """A limit is not a positive number."""


class ClaimError(PolyreluError, ValueError):
    """A claim is not on the list, or is malformed."""


class MissingExtraError(PolyreluError, ImportError):
    """An optional package is needed; the message names the extra that brings it."""


class IncompleteError(PolyreluError):
    """A limit was reached before a result that needs all regions."""


class UnknownAnswerError(PolyreluError, ValueError):
    """An answer that is UNKNOWN was used as if it were yes or no."""


class RecoveryError(PolyreluError):
    """A network cannot be recovered, or not all of it; the message says why."""


class StoreError(PolyreluError, OSError):
    """The system refuses to write a part of a store, for example as the disk is full."""
