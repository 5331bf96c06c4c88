"""What turns the repository's pages into a site, beyond what Sphinx and myst-nb do."""
