"""The browser of the page's tests."""

from ..draw.conftest import browser  # noqa: F401 - a fixture
