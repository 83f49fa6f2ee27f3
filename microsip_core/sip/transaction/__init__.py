"""The four transaction machines of RFC 3261 s17 with RFC 6026, and the layer that matches messages to them."""
