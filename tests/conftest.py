"""What every test may use: the fixtures that the package offers to its users' tests."""

pytest_plugins = ["microsip_core.testing"]
