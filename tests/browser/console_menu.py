"""The console's menu, as a person uses it: beside the page on a desktop, behind a button on a phone."""

from playwright.sync_api import Page


def go(page: Page, entry: str) -> None:
    """Follow an entry of the menu."""
    button = page.locator(".menu-phone > summary")
    page.locator("main").wait_for()
    if button.is_visible():
        button.click()
    page.get_by_role("navigation", name="Main").get_by_role("link", name=entry, exact=True).click()
