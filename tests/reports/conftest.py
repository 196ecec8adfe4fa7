"""The browser in which the tests open the reports."""

from headless_browser import browser

__all__ = ["browser"]
