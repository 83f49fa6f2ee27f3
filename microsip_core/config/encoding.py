"""The encodings in which ini files are found: UTF-16 and UTF-8 with or without mark, and the Windows code page."""

from __future__ import annotations

import codecs
from enum import Enum

from microsip_core.errors import ConfigError


class Encoding(Enum):
    """An encoding with its byte order mark, so that a file goes back as it came. The value is (codec, mark)."""

    UTF_16_LE = ("utf-16-le", codecs.BOM_UTF16_LE)
    UTF_16_LE_BARE = ("utf-16-le", b"")
    UTF_16_BE = ("utf-16-be", codecs.BOM_UTF16_BE)
    UTF_8_MARKED = ("utf-8", codecs.BOM_UTF8)
    UTF_8 = ("utf-8", b"")
    ANSI = ("cp1252", b"")

    @property
    def mark(self) -> bytes:
        """The byte order mark at the start of the file, empty for none."""
        return self.value[1]


DEFAULT = Encoding.UTF_16_LE
"""What MicroSIP writes."""

_UNASSIGNED = "microsip-c1"
"""Error handler for the five bytes that cp1252 leaves open: each is the control character of its number."""


def detect(data: bytes) -> Encoding:
    """Return the encoding of a file's bytes."""
    for encoding in (Encoding.UTF_8_MARKED, Encoding.UTF_16_LE, Encoding.UTF_16_BE):
        if data.startswith(encoding.mark):
            return encoding
    if len(data) >= 2 and data[0] and not data[1]:
        return Encoding.UTF_16_LE_BARE
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return Encoding.ANSI
    return Encoding.UTF_8


def decode(data: bytes) -> tuple[str, Encoding]:
    """Return the text and the encoding it was in. Raises ConfigError for half a character at the end of UTF-16."""
    encoding = detect(data)
    codec, mark = encoding.value
    try:
        return data[len(mark):].decode(codec, _handler(encoding)), encoding
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"the file is no valid {codec} text: {error.reason} at byte {error.start + len(mark)}",
            remedy="Save it as UTF-16 or UTF-8",
        ) from error


def encode(text: str, encoding: Encoding) -> bytes:
    """Return the bytes of a text; in UTF-16LE, as MicroSIP has it, when they would not be read as this text again."""
    codec, mark = encoding.value
    try:
        data = bytes(mark + text.encode(codec, _handler(encoding)))
        if decode(data)[0] == text:
            return data
    except (UnicodeEncodeError, ConfigError):
        pass  # the code page lacks a character: the next line is the answer to that
    codec, mark = DEFAULT.value
    return bytes(mark + text.encode(codec, _handler(DEFAULT)))


def _handler(encoding: Encoding) -> str:
    return _UNASSIGNED if encoding is Encoding.ANSI else "surrogatepass"


def _control_character(error: UnicodeError) -> tuple[str | bytes, int]:
    if isinstance(error, UnicodeDecodeError):
        return chr(error.object[error.start]), error.start + 1
    if isinstance(error, UnicodeEncodeError) and error.object[error.start] in "\x81\x8d\x8f\x90\x9d":
        return bytes([ord(error.object[error.start])]), error.start + 1
    raise error


codecs.register_error(_UNASSIGNED, _control_character)
