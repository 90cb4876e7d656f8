"""The browser of the pages' tests."""

from ..draw.conftest import browser  # noqa: F401 - a fixture
