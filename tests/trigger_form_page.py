"""The trigger's form in a real Chromium, as browser tests open it and use it."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import httpx
from django.conf import settings
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from tests import browser, parts
from tests.local_aws import machine_arn, until

SECONDS = 1000
URL = f"http://127.0.0.1:{settings.PORT}"


@contextmanager
def chromium_and_web(unblocked: DjangoDbBlocker) -> Iterator[Browser]:
    """A Chromium and the web process; nothing here is deployed."""
    path = browser.find()
    with ExitStack() as stack:
        log = stack.enter_context(tempfile.TemporaryFile())
        web = parts.Workers(log)
        stack.callback(web.end)
        with unblocked.unblock():
            web.start("web")
            until(_answers, 30)
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=path, args=browser.ARGUMENTS)
        yield chromium
        chromium.close()


def _answers() -> bool:
    try:
        return httpx.get(URL, timeout=5).status_code < 500
    except httpx.TransportError:
        return False


@contextmanager
def signed_in(chromium: Browser, session: str) -> Iterator[Callable[..., Page]]:
    """Opens a page signed in, with options of the browser; fails on an error in its console."""
    problems: list[str] = []
    with ExitStack() as stack:

        def open_page(path: str = "/triggers/new", **options: object) -> Page:
            context = chromium.new_context(base_url=URL, **options)  # type: ignore[arg-type]
            stack.callback(context.close)
            context.add_cookies(
                [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": URL}]
            )
            page = context.new_page()
            page.set_default_timeout(10 * SECONDS)
            page.on("pageerror", lambda error: problems.append(str(error)))
            page.on(
                "console",
                lambda line: (
                    problems.append(line.text)
                    if line.type == "error" and "status of 422" not in line.text
                    else None
                ),
            )
            page.goto(path)
            return page

        yield open_page
    assert problems == []


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("tests-only-1")
    page.get_by_role("button", name="Sign in").click()


def choose(page: Page, label: str, value: str) -> None:
    page.get_by_label(label, exact=True).select_option(value)


def choose_machine(page: Page, name: str) -> None:
    page.get_by_label("State machine", exact=True).fill(machine_arn(name))
    page.get_by_label("Path", exact=True).focus()
    expect(page.locator("#machine-check")).to_contain_text(name)


def unfold(page: Page, question: str) -> Locator:
    """The question, with everything rare in it."""
    fieldset = page.get_by_role("group", name=question)
    fieldset.locator("summary").click()
    return fieldset


def unfold_all(page: Page) -> None:
    for fold in page.locator("#trigger-form details").all():
        if fold.get_attribute("open") is None:
            fold.locator("summary").click()


def save(page: Page) -> None:
    page.get_by_role("button", name="Save", exact=True).click()


def shown(page: Page) -> list[str]:
    """The labels that a person sees in the form's left column, in their order."""
    labels = page.locator("#trigger-form .question :is(.form-label, .form-check-label)")
    return [one.inner_text() for one in labels.all() if one.is_visible()]
