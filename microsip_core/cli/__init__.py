"""The ``microsip`` command line: one file per command."""
