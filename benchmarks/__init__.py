"""Measurements anyone can repeat: each prints a table, beside its peers, and JSON with --json."""
