"""Tests of the SIP core: messages, transactions, dialogs, sessions."""
