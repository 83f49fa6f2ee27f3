"""What every test may use: the fixtures that the package offers to its users' tests, and certificates."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from certificates import Authority

pytest_plugins = ["microsip_core.testing"]


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A throw-away certificate authority."""
    from certificates import Authority

    return Authority(Path(tmp_path_factory.mktemp("certificates")))
