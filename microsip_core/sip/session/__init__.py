"""INVITE sessions and other usages of a dialog, one RFC idea per file."""
