"""Control side of the media path: engines, streams, taps, and what they report. RTP itself never meets Python."""
