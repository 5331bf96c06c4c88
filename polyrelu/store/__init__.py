"""Region graphs larger than memory, in a directory of Parquet files (docs/stores.md).

A search writes what it finds in blocks (:mod:`.block`). :func:`.build.build_store` then finds who
touches whom, out of core (:mod:`.join`), and writes the parts; :mod:`.reader` reads them.
"""
