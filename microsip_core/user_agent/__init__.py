"""The idiomatic asyncio API: UserAgent, Account and Call."""
