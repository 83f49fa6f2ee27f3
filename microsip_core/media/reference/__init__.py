"""The pure-Python media core: the fall-back without a compiler and the oracle of the native one. For a few calls."""
