"""Links followed as a person does it: what comes next is done on the page they lead to, once that is there."""

from playwright.sync_api import Locator, Page


def follow(link: Locator) -> None:
    """Click a link and wait for its page, so that the next field filled is not one of the page left."""
    with link.page.expect_navigation():
        link.click()


def go(page: Page, entry: str) -> None:
    """Follow an entry of the console's menu: beside the page on a desktop, behind a button on a phone."""
    button = page.locator(".menu-phone > summary")
    page.locator("main").wait_for()
    if button.is_visible():
        button.click()
    follow(page.get_by_role("navigation", name="Main").get_by_role("link", name=entry, exact=True))
