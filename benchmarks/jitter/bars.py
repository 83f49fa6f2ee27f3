"""What was asked of the jitter buffer on other speech and dice: PESQ at least, mean added delay (ms) at most."""

from __future__ import annotations

BARS: dict[str, tuple[float, float]] = {
    "constant": (4.35, 25), "jit20": (4.33, 45), "jit60": (4.33, 85), "jit120": (4.30, 145),
    "ge1": (3.88, 40), "ge3": (3.37, 42), "ge5": (3.25, 42), "ge10": (2.45, 45), "ge20": (1.58, 45),
    "rl5": (3.15, 45), "rl10": (2.55, 45), "wifi": (4.10, 75), "busy_wifi": (3.30, 95), "lte_handover": (3.60, 110),
    "gap300_lost": (3.52, 35), "drift+200": (4.31, 35), "drift-200": (4.31, 35), "drift+5000": (4.05, 45),
    "drift-5000": (4.05, 45), "reorder": (4.27, 82), "netem60": (4.33, 85), "dup": (3.74, 45), "dtx": (4.25, 41),
    "ssrc_change": (4.33, 45),
}
QUICK = ("constant", "jit60", "ge5", "wifi", "lte_handover", "reorder")
