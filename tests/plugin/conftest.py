"""The plugin's jar, built once."""

import os
import shutil
from pathlib import Path

import pytest

from demo.plugin import build


@pytest.fixture(scope="session")
def jar() -> Path:
    if shutil.which("mvn") is None:
        # In CI nothing may be missing.
        (pytest.fail if os.environ.get("CI") else pytest.skip)("no Maven is installed")
    return build()
