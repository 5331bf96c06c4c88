"""A network from its outputs alone, see :func:`polyrelu.recovery.recover.recover`."""
