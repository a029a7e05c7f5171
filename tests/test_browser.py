"""The main job in a real Chromium, with real workers, as somebody new would do it."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect, sync_playwright
from pytest_django.plugin import DjangoDbBlocker

from dashboard.models import Deployment, Environment, Trigger
from tests import browser, parts
from tests.local_aws import LocalAws, machine_arn

pytestmark = pytest.mark.django_db(transaction=True)
SECONDS = 1000
ALIEN = '{"text": "it\'s \\"quoted\\" 😀"}'


@pytest.fixture
def _quick_passwords() -> None:
    """Not here: the web process checks passwords as it does for everybody."""


@pytest.fixture(scope="module")
def chromium(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, local_aws: LocalAws
) -> Iterator[Browser]:
    """A Chromium, with the web process and the workers that all of these tests share."""
    path = browser.find()
    with ExitStack() as stack:
        with django_db_blocker.unblock():
            stack.enter_context(parts.workers("web"))
        playwright = stack.enter_context(sync_playwright())
        chromium = playwright.chromium.launch(executable_path=path, args=browser.ARGUMENTS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(
    chromium: Browser, environment: Environment, admin: User, transactional_db: None
) -> Iterator[Page]:
    """A new profile at the sign-in page; the test fails on any error in the console."""
    problems: list[str] = []
    with chromium.new_context(base_url=f"http://127.0.0.1:{settings.PORT}") as context:
        page = context.new_page()
        page.set_default_timeout(15 * SECONDS)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            # 422 is how a form with errors comes back.
            lambda line: (
                problems.append(line.text)
                if line.type == "error" and "status of 422" not in line.text
                else None
            ),
        )
        page.goto("/")
        yield page
    assert problems == []


def sign_in(page: Page) -> None:
    page.get_by_label("Username").fill("ada")
    page.get_by_label("Password").fill("tests-only-1")
    page.get_by_role("button", name="Sign in").click()


def wait_until_live(page: Page) -> None:
    """The deployment's page goes to Live by itself, title and all."""
    expect(page.get_by_role("link", name="Open trigger")).to_be_visible(timeout=30 * SECONDS)
    expect(page).to_have_title(re.compile("^Live · #"))


def send(page: Page, body: str) -> None:
    page.locator("#send .cm-content").click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text(body)
    page.locator("#send").get_by_role("button", name="Send request").click()


def test_from_sign_in_to_a_running_execution_and_back(page: Page) -> None:
    sign_in(page)
    page.get_by_role("link", name="Try it: POST /orders → order-fulfilment").click()
    _fill_and_deploy(page)
    _first_request(page)
    _follow_the_execution(page)
    _edit_and_deploy(page)
    _delete(page)


def _fill_and_deploy(page: Page) -> None:
    expect(page.get_by_label("State machine", exact=True)).to_have_value(
        machine_arn("order-fulfilment")
    )
    expect(page.locator("#machine-check")).to_contain_text("STANDARD")
    expect(page.get_by_label("Name", exact=True)).to_have_value("post-orders")
    expect(page.get_by_text("Anyone who knows this URL can start executions")).to_be_visible()
    page.get_by_label("Path", exact=True).fill("orders")
    page.get_by_role("button", name="Save and deploy").click()
    expect(page.get_by_text("A path begins with a slash")).to_be_visible()
    assert not Trigger.objects.exists()
    page.get_by_label("Path", exact=True).fill("/orders")
    expect(page.locator("#preview")).to_contain_text("/prod/orders")
    page.get_by_role("button", name="Save and deploy").click()
    wait_until_live(page)
    expect(page.get_by_text("AWS::ApiGateway::Stage").first).to_be_visible()
    page.get_by_role("link", name="Open trigger").click()
    expect(page.get_by_text("Waiting for the first request")).to_be_visible()


def _first_request(page: Page) -> None:
    send(page, ALIEN)
    answer = page.locator("#answer")
    expect(answer).to_contain_text("202")
    trigger = Trigger.objects.get()
    # The row comes without a reload.
    expect(page.locator("#recent").get_by_text(f"{trigger.key}-").first).to_be_visible()
    send(page, "{broken")
    expect(answer).to_contain_text("Step Functions answered")
    expect(answer).to_contain_text("The body is not JSON")


def _follow_the_execution(page: Page) -> None:
    page.locator("#recent").get_by_role("link").first.click()
    expect(page.get_by_text("SUCCEEDED").first).to_be_visible(timeout=30 * SECONDS)
    shown = page.locator("#input").inner_text()
    assert json.loads(shown) == json.loads(ALIEN)
    expect(page.get_by_text("ExecutionSucceeded")).to_be_visible()
    page.go_back()


def _edit_and_deploy(page: Page) -> None:
    page.get_by_role("link", name="Edit").click()
    page.get_by_label("Response status").fill("201")
    page.get_by_label("Requests a second").fill("5")
    page.get_by_role("button", name="Save", exact=True).click()
    strip = page.locator(".strip", has_text="2 changes not live, saved by ada")
    expect(strip).to_be_visible()
    strip.get_by_role("link", name="See").click()
    expect(page.locator("#changes")).to_contain_text("Response status")
    page.locator(".strip").get_by_role("button", name="Deploy").click()
    wait_until_live(page)
    page.get_by_role("link", name="Open trigger").click()
    send(page, "{}")
    expect(page.locator("#answer")).to_contain_text("201")


def _delete(page: Page) -> None:
    page.get_by_role("button", name="More").click()
    page.get_by_role("link", name="Delete…").click()
    expect(page.get_by_text("The URL cannot be had back")).to_be_visible()
    button = page.get_by_role("button", name="Delete trigger")
    expect(button).to_be_disabled()
    page.get_by_label("Type post-orders to delete it").fill("post-orders")
    button.click()
    expect(page).to_have_title(re.compile("^Removed · #3"), timeout=30 * SECONDS)
    page.get_by_role("link", name="Open trigger").click()
    expect(page.get_by_text("Deleted by ada")).to_be_visible()
    page.get_by_role("link", name="Deployments", exact=True).first.click()
    expect(page.get_by_text("Superseded by #2")).to_be_visible()
    assert Deployment.objects.count() == 3


def test_a_machine_is_found_by_typing_and_an_editor_marks_broken_json(page: Page) -> None:
    sign_in(page)
    page.get_by_role("link", name="New trigger").first.click()
    page.get_by_label("State machine", exact=True).fill("quo")
    page.get_by_role("option", name="quote").click()
    expect(page.locator("#machine-check")).to_contain_text("EXPRESS")
    expect(page.locator("#machine-check")).to_contain_text("AWS keeps no list")
    page.get_by_label("HTTP method").select_option("GET")
    expect(page.get_by_label("Input", exact=True)).to_have_value("FIXED")
    editor = page.locator(".cm-content").first
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text('{"a": }')
    expect(page.locator(".cm-lint-marker-error").first).to_be_visible()
    page.get_by_label("Path", exact=True).fill("/quote")
    page.get_by_role("button", name="Save and deploy").click()
    expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
    editor = page.locator(".cm-content").first
    expect(editor).to_contain_text('{"a": }')
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text('{"a": 1}')
    page.get_by_role("button", name="Save and deploy").click()
    wait_until_live(page)
    page.get_by_role("link", name="Send request").click()
    page.locator("#send").get_by_role("button", name="Send request").click()
    expect(page.locator("#answer")).to_contain_text("202")
    expect(page.locator("#recent")).to_contain_text("AWS keeps no list of its executions")
    expect(page.locator("#recent tbody tr")).to_have_count(1)


def test_an_expired_session_sends_the_whole_page_to_sign_in_and_back(page: Page) -> None:
    sign_in(page)
    page.get_by_role("link", name="Try it").click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("is saved")).to_be_visible()
    where = page.url
    page.context.clear_cookies()
    expect(page.get_by_label("Username")).to_be_visible(timeout=15 * SECONDS)
    sign_in(page)
    expect(page).to_have_url(where)


def test_what_was_typed_outlives_a_session_that_ends_meanwhile(page: Page) -> None:
    sign_in(page)
    page.get_by_role("link", name="New trigger").first.click()
    page.get_by_label("Path", exact=True).fill("/mine")
    page.get_by_label("Response status").fill("201")
    # Nothing that was asked for so far is under way any more.
    expect(page.locator("#preview")).to_contain_text("HTTP 201", timeout=15 * SECONDS)
    page.context.clear_cookies(name="sessionid")
    # The preview is asked for as one types, and finds nobody signed in.
    page.get_by_label("Path", exact=True).fill("/mine/too")
    expect(page.get_by_label("Username")).to_be_visible(timeout=15 * SECONDS)
    sign_in(page)
    expect(page.get_by_label("Path", exact=True)).to_have_value("/mine/too")
    expect(page.get_by_label("Response status")).to_have_value("201")
