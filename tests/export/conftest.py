"""The browser of the page's test."""

from ..draw.conftest import browser  # noqa: F401 - a fixture
