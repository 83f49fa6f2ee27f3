"""Loopback SIP server: registrar, location service, stateful proxy and service users."""
