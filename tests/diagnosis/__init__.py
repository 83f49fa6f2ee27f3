"""Tests of what is shown to the user."""
