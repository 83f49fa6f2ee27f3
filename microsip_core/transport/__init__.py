"""Sockets under the SIP core: one file per transport protocol, a resolver, and the layer that chooses among them."""
