"""The dialogs one INVITE of ours may open when a proxy forks it (RFC 3261 s12.1.2, s13.2.2.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .dialog import Dialog

if TYPE_CHECKING:
    from ..message import Response

_MAX_FORKS = 32


class DialogSet:
    """Early dialogs by remote tag, and the early answer each has given. One of them, or a new one, is confirmed by the
    first 2xx."""

    __slots__ = ("_dialogs", "_request_uri", "_sequences", "_table", "_usage", "early_sdp")

    def __init__(self, table: dict[Any, Dialog], request_uri: str, usage: Any) -> None:
        """``table`` is where in-dialog requests look their dialog up; ``usage`` is what they are handed to."""
        self._table = table
        self._request_uri = request_uri
        self._usage = usage
        self._dialogs: dict[str, Dialog] = {}
        self._sequences: dict[str, int] = {}
        self.early_sdp: dict[str, bytes] = {}

    def provisional(self, response: Response) -> Dialog | None:
        """Return the early dialog of a 101-199, a new one if need be; None when it has no tag, or forks are too
        many."""
        tag = response.to.tag
        if tag is None:
            return None
        dialog = self._dialogs.get(tag)
        if dialog is None and len(self._dialogs) < _MAX_FORKS:
            dialog = self._dialogs[tag] = Dialog.of_uac(response, self._request_uri, self._usage)
            self._table[dialog.key] = dialog
        return dialog

    def in_order(self, tag: str, sequence: int) -> bool:
        """Take note of the RSeq of a fork's reliable response; False if it is not the next one (RFC 3262 s4)."""
        last = self._sequences.get(tag)
        if last is not None and sequence != last + 1:
            return False
        self._sequences[tag] = sequence
        return True

    def confirm(self, response: Response) -> Dialog:
        """Return the dialog of the first 2xx; the other early ones are over."""
        dialog = self._dialogs.pop(response.to.tag or "", None)
        self.close()
        if dialog is None:
            dialog = Dialog.of_uac(response, self._request_uri, self._usage)
        else:
            dialog.confirm(response)
        self._table[dialog.key] = dialog
        return dialog

    def close(self) -> None:
        """Forget all early dialogs: a failure response ends them all."""
        for dialog in self._dialogs.values():
            self._table.pop(dialog.key, None)
            dialog.usage = None
        self._dialogs.clear()
        self._sequences.clear()
