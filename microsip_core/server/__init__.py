"""Loopback SIP server: registrar, location service, stateful proxy and service users for tests, demos and development."""
