"""A network from its outputs alone, see :func:`polyrelu.recovery.recover.recover`.

What an oracle answers is rounded, so this package measures, and nothing in it is exact: its
tolerances say when measured numbers agree, as far as float64 and the noise let them. What comes of
a wrong one is seen by :mod:`polyrelu.recovery.check`, which compares with the oracle on fresh
inputs. Recovery in rational numbers, from regions: :mod:`polyrelu.queries.graph_recovery`.
"""
