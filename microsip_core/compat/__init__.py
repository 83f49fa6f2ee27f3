"""Stand-ins for the interfaces of other SIP packages, on this engine."""
