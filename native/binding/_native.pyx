# cython: language_level=3, binding=False
"""Thin binding of the native media engine: argument checks, no GIL while in C, status to exception."""

cdef extern from "microsip_media.h":
    const char *ms_status_text(int status)


def status_text(int status):
    """Return one line that says what a status code of the native engine means."""
    return ms_status_text(status).decode()
