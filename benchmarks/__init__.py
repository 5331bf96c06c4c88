"""Benchmarks of polyrelu: ``python -m benchmarks --help``; docs/benchmark.md says what is what."""
