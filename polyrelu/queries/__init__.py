"""Questions about networks, one a file."""
