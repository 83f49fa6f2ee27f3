"""The C-style API: sip_init ... sip_hangup, functions of integers on top of the asyncio API."""
