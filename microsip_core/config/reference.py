"""The reference of the configuration in Markdown, generated from the tables of keys."""

from __future__ import annotations

from microsip_core.config.account_settings import AccountSettings
from microsip_core.config.configuration import key_table
from microsip_core.config.settings import General, Settings

_SECTIONS = (("Settings", Settings), ("AccountN", AccountSettings), ("General", General))


def configuration_reference() -> str:
    """Return all keys as Markdown tables."""
    parts = []
    for title, kind in _SECTIONS:
        lines = [f"## [{title}]", "", "| key | type | default | range | meaning |", "|---|---|---|---|---|"]
        for name, key in key_table(kind).items():
            note = "" if key.live else "; a change needs a restart"
            cells = [f"`{name}`", key.kind, key.show(key.default), key.range, key.meaning + note]
            lines.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"
