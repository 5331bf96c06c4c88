"""A report: what can be said of a network in a given time, on one page."""

from .run import Report, report

__all__ = ["Report", "report"]
