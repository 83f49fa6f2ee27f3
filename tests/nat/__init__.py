"""Real NATs: network namespaces of Linux, made and torn down by the tests."""
