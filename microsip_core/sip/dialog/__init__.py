"""Dialogs (RFC 3261 s12) and the sets of them that forking makes."""
