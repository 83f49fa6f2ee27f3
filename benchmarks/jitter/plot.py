"""Delay over time, one panel a network and one line a receiver."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def draw(rows: list[dict[str, Any]], path: Path) -> None:
    """Write the picture; ``rows`` are those of --json."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    networks = list(dict.fromkeys(row["network"] for row in rows))
    figure, panels = pyplot.subplots(len(networks), 1, figsize=(10, 2.2 * len(networks)), squeeze=False, sharex=True)
    for panel, network in zip(panels[:, 0], networks, strict=True):
        for row in rows:
            if row["network"] == network and row["track"]:
                seconds, delays = zip(*row["track"], strict=True)
                label = f"{row['receiver']}: PESQ {row['pesq']:.2f}, {row['delay_mean_ms']:.0f} ms"
                panel.plot(seconds, delays, ".", markersize=2, label=label)
        panel.set_title(network, fontsize=9, loc="left")
        panel.set_ylabel("added delay, ms", fontsize=8)
        panel.grid(alpha=0.3)
        panel.legend(fontsize=7, loc="upper right", markerscale=4)
    panels[-1, 0].set_xlabel("seconds of speech")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)
