"""Tests of event commands, launch grammar and control socket."""
