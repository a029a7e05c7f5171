"""The trigger's form in a real Chromium: what is shown when, what is posted, what is kept."""

import json
import re
from collections.abc import Callable, Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Page, Request, expect
from pytest_django.plugin import DjangoDbBlocker

from dashboard.models import Environment, Trigger
from tests.conftest import make_trigger
from tests.local_aws import LocalAws, machine_arn
from tests.trigger_form_page import (
    SECONDS,
    choose,
    choose_machine,
    chromium_and_web,
    save,
    shown,
    sign_in,
    signed_in,
    unfold,
    unfold_all,
)

pytestmark = pytest.mark.django_db(transaction=True)
SECRET = "whsec_typed-in-a-test"


@pytest.fixture
def _quick_passwords() -> None:
    """Not here: the web process checks passwords as it does for everybody."""


@pytest.fixture(scope="module")
def chromium(
    django_db_setup: None, django_db_blocker: DjangoDbBlocker, local_aws: LocalAws
) -> Iterator[Browser]:
    with chromium_and_web(django_db_blocker) as found:
        yield found


@pytest.fixture
def opened(
    chromium: Browser, environment: Environment, as_admin: Client, transactional_db: None
) -> Iterator[Callable[..., Page]]:
    with signed_in(chromium, as_admin.cookies[settings.SESSION_COOKIE_NAME].value) as open_page:
        yield open_page


def test_a_post_of_orders_to_a_machine_is_a_short_form(opened: Callable[..., Page]) -> None:
    page = opened()
    assert shown(page) == [
        "State machine",
        "HTTP method",
        "Path",
        "Authorization",
        "Why public?",
        "Requests a second",
        "Burst",
        "Input",
        "Response",
        "Response status",
    ]
    choose_machine(page, "order-fulfilment")
    page.get_by_label("Path", exact=True).fill("/orders")
    save(page)
    expect(page.get_by_text("is saved")).to_be_visible()
    assert str(Trigger.objects.get()) == "POST /orders"


def test_who_may_call_shows_only_what_the_choice_needs(opened: Callable[..., Page]) -> None:
    page = opened()
    warning = page.get_by_text("Anyone who knows this URL can start executions in 000000000000")
    for authorization, labels in {
        "AWS_IAM": [],
        "API_KEY": [],
        "COGNITO_USER_POOLS": ["User pools", "OAuth scopes"],
        "CUSTOM": ["Lambda function", "Type", "Answers kept (s)", "Identity from"],
        "NONE": ["Why public?"],
        "SIGNED": ["Provider", "Secret", "Events"],
    }.items():
        choose(page, "Authorization", authorization)
        if authorization == "SIGNED":
            choose(page, "Provider", "STRIPE")
        seen = shown(page)
        assert seen[4 : seen.index("Requests a second")] == labels
        expect(warning).to_be_visible(visible=authorization == "NONE")


def test_an_express_machine_may_be_waited_for_and_a_standard_one_not(
    opened: Callable[..., Page],
) -> None:
    page = opened()
    choose_machine(page, "order-fulfilment")
    assert "Answer" not in shown(page)
    choose_machine(page, "quote")
    expect(page.get_by_label("Answer", exact=True)).to_be_visible()
    choose(page, "Answer", "StartSyncExecution")
    expect(page.get_by_label("Response", exact=True)).to_have_value("OUTPUT")
    expect(page.get_by_label("Response status")).to_have_value("200")
    expect(page.get_by_label("Any other error")).to_be_visible()
    goes_in = unfold(page, "What goes in?")
    expect(goes_in.get_by_text("AWS offers no idempotency for EXPRESS machines.")).to_be_visible()
    expect(goes_in.get_by_label("Idempotency", exact=True)).to_be_hidden()
    choose_machine(page, "order-fulfilment")
    expect(page.get_by_label("Response", exact=True)).to_have_value("EXECUTION")
    expect(page.get_by_label("Response status")).to_have_value("202")
    assert "Answer" not in shown(page)
    # The person's own choice is taken up again where it is possible again.
    choose_machine(page, "quote")
    expect(page.get_by_label("Answer", exact=True)).to_have_value("StartSyncExecution")
    expect(page.get_by_label("Response", exact=True)).to_have_value("OUTPUT")


def test_a_provider_brings_its_words_its_events_and_its_key(opened: Callable[..., Page]) -> None:
    page = opened("/triggers/new?path=/stripe&input_mode=FIELDS")
    choose_machine(page, "order-fulfilment")
    choose(page, "Authorization", "SIGNED")
    choose(page, "Provider", "GITHUB")
    expect(page.get_by_text("Redeliver by hand")).to_be_visible()
    expect(page.get_by_text("each destination has its own")).to_be_hidden()
    expect(page.get_by_label("Input", exact=True)).to_have_value("BODY")
    page.get_by_label("Events", exact=True).select_option("HEADER")
    where = page.locator("#id_webhook_filter")
    expect(where).to_have_value("X-GitHub-Event")
    page.get_by_role("button", name="push", exact=True).click()
    page.get_by_role("button", name="release", exact=True).click()
    page.get_by_role("button", name="push", exact=True).click()
    expect(page.get_by_label("Events that start one")).to_have_value("release")
    unfold(page, "What goes in?")
    expect(page.get_by_label("Idempotency", exact=True)).to_have_value("HEADER")
    expect(page.locator("#id_idempotency_key")).to_have_value("X-GitHub-Delivery")
    choose(page, "Provider", "STRIPE")
    expect(page.get_by_label("Idempotency", exact=True)).to_have_value("BODY")
    expect(page.locator("#id_idempotency_key")).to_have_value("$.id")
    choose(page, "Authorization", "AWS_IAM")
    expect(page.get_by_label("Idempotency", exact=True)).to_have_value("")
    expect(page.get_by_label("Input", exact=True)).to_have_value("FIELDS")


def test_a_typed_secret_is_in_no_draft_no_preview_and_no_page(opened: Callable[..., Page]) -> None:
    page = opened("/triggers/new?path=/stripe")
    bodies: list[str] = []

    def remember(request: Request) -> None:
        if request.url.endswith("/preview"):
            bodies.append(request.post_data or "")

    page.on("request", remember)
    choose(page, "Authorization", "SIGNED")
    page.get_by_label("Secret").fill(SECRET)
    with page.expect_request("**/preview"):
        page.get_by_label("Requests a second").fill("7")
    assert bodies and not any(SECRET in body for body in bodies)
    draft = page.evaluate("sessionStorage.getItem('stepgate-draft')")
    assert "throttle_rate" in draft and SECRET not in draft
    # The machine is missing: the form comes back.
    save(page)
    expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
    expect(page.get_by_label("Requests a second")).to_have_value("7")
    expect(page.get_by_label("Secret")).to_have_value("")
    assert SECRET not in page.content()


def test_fields_are_mapped_in_a_table_by_keyboard_alone(opened: Callable[..., Page]) -> None:
    page = opened("/triggers/new?path=/orders/{id}&input_mode=FIELDS")
    choose_machine(page, "order-fulfilment")
    page.get_by_role("button", name="Add field").press("Enter")
    page.keyboard.type("orderId")
    page.keyboard.press("Enter")
    page.keyboard.type("id")
    page.keyboard.press("Tab")
    page.keyboard.type("Path")
    row = page.get_by_role("listitem", name="Field 2: id")
    expect(row.get_by_label("What of it")).to_have_value("id")
    row.get_by_label("Field", exact=True).press("Alt+ArrowUp")
    expect(page.get_by_role("listitem", name="Field 1: id")).to_be_visible()
    first = page.get_by_role("listitem", name="Field 1: id")
    first.get_by_label("Required").press("Space")
    second = page.get_by_role("listitem", name="Field 2: orderId")
    second.get_by_label("Type").select_option("NUMBER")
    second.get_by_label("Default").fill("7")
    page.get_by_role("button", name="Add field").click()
    third = page.get_by_role("listitem", name="Field 3")
    third.get_by_label("From").select_option("CONSTANT")
    expect(third.get_by_label("Type")).to_be_hidden()
    third.get_by_role("button", name="Remove").press("Enter")
    expect(page.locator(".mapping > li")).to_have_count(2)
    save(page)
    expect(page.get_by_text("is saved")).to_be_visible()
    fields = Trigger.objects.get().input_fields
    assert [(f["name"], f["source"], f["value"], f["required"]) for f in fields] == [
        ("id", "PATH", "id", True),
        ("orderId", "BODY", "$.orderId", False),
    ]
    assert (fields[1]["type"], fields[1]["default"]) == ("NUMBER", "7")


def test_a_saved_mapping_comes_back_as_rows_and_what_is_no_list_as_text(
    environment: Environment, opened: Callable[..., Page]
) -> None:
    rows = [{"name": "tenant", "source": "HEADER", "value": "X-Tenant", "type": "STRING"}]
    trigger = make_trigger(environment, input_mode="FIELDS", input_fields=rows)
    page = opened(f"/triggers/{trigger.key}/edit")
    row = page.get_by_role("listitem", name="Field 1: tenant")
    expect(row.get_by_label("What of it")).to_have_value("X-Tenant")
    row.get_by_label("What of it").fill("")
    save(page)
    error = page.locator("#id_input_fields_error")
    expect(error).to_be_visible()
    expect(page.get_by_role("listitem", name="Field 1: tenant")).to_be_visible()
    page.locator("#id_input_fields").evaluate(
        "(area) => { area.value = '[{'; area.dispatchEvent(new Event('change')); }"
    )
    expect(page.locator("#id_input_fields")).to_be_visible()
    expect(page.get_by_role("button", name="Add field")).to_be_hidden()


def test_an_error_opens_the_fold_that_it_stands_in(opened: Callable[..., Page]) -> None:
    page = opened("/triggers/new?path=/orders")
    choose_machine(page, "order-fulfilment")
    for question, label, text in (
        ("Who may call?", "CORS origins", "shop.example.com"),
        ("What goes in?", "Required parameters", "tenant"),
        ("What comes back?", "Headers", "no colon"),
    ):
        unfold(page, question).get_by_label(label, exact=True).fill(text)
    save(page)
    expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
    page.get_by_role("link", name="CORS origins").click()
    expect(page.locator("#id_cors_origins")).to_be_in_viewport()
    for name in ("cors_origins", "required_parameters", "response_headers"):
        field = page.locator(f"#id_{name}")
        expect(field).to_be_visible()
        described = (field.get_attribute("aria-describedby") or "").split()
        assert f"id_{name}_error" in described
        for each in described:
            expect(page.locator(f"#{each}")).to_be_visible()


def test_an_error_of_a_hidden_field_is_seen_until_the_choice_changes(
    environment: Environment, opened: Callable[..., Page]
) -> None:
    trigger = make_trigger(environment, cors_origins=["https://shop.example.com"])
    page = opened(f"/triggers/{trigger.key}/edit")
    choose(page, "Authorization", "SIGNED")
    page.get_by_label("Secret").fill(SECRET)
    expect(page.get_by_label("CORS origins")).to_be_hidden()
    save(page)
    expect(page.get_by_text("it needs no CORS")).to_be_visible()
    expect(page.get_by_label("CORS origins")).to_be_visible()
    choose(page, "Authorization", "API_KEY")
    choose(page, "Authorization", "CUSTOM")
    expect(page.get_by_label("CORS origins")).to_be_visible()


def test_raw_vtl_is_plain_text_with_a_warning(opened: Callable[..., Page]) -> None:
    page = opened()
    choose(page, "Input", "VTL")
    expect(page.get_by_text("It must write stateMachineArn, name and input")).to_be_visible()
    editor = page.locator(".cm-content").first
    editor.click()
    page.keyboard.press("ControlOrMeta+a")
    page.keyboard.insert_text("#set($a = 1)")
    expect(page.locator("#id_input_template")).to_have_value("#set($a = 1)")
    expect(page.locator(".question .editor").first).not_to_have_class(re.compile("is-invalid"))
    expect(page.get_by_role("button", name="Format").first).to_be_hidden()
    choose(page, "Input", "FIXED")
    expect(page.locator(".cm-lint-marker-error").first).to_be_visible()
    expect(page.get_by_role("button", name="Format").first).to_be_visible()


def test_boxes_and_rows_outlive_a_session_that_ends_and_a_secret_does_not(
    opened: Callable[..., Page],
) -> None:
    page = opened("/triggers/new?path=/orders")
    choose(page, "Authorization", "SIGNED")
    page.get_by_label("Secret").fill(SECRET)
    choose(page, "Authorization", "API_KEY")
    unfold(page, "What goes in?").get_by_label("Form (URL-encoded)").check()
    page.get_by_label("JSON", exact=True).uncheck()
    choose(page, "Input", "FIELDS")
    page.get_by_role("button", name="Add field").click()
    page.keyboard.type("page")
    page.context.clear_cookies(name="sessionid")
    page.get_by_label("Path", exact=True).fill("/orders/too")
    expect(page.get_by_label("Username")).to_be_visible(timeout=15 * SECONDS)
    sign_in(page)
    expect(page.get_by_label("Path", exact=True)).to_have_value("/orders/too")
    expect(page.get_by_label("Authorization")).to_have_value("API_KEY")
    expect(page.get_by_role("listitem", name="Field 1: page")).to_be_visible()
    unfold(page, "What goes in?")
    expect(page.get_by_label("Form (URL-encoded)")).to_be_checked()
    expect(page.get_by_label("JSON", exact=True)).not_to_be_checked()
    expect(page.locator("#id_webhook_secret")).to_have_value("")


def test_the_sample_follows_the_path_and_is_nothing_unsaved(opened: Callable[..., Page]) -> None:
    page = opened("/triggers/new?path=/orders/{id}")
    page.get_by_text("Change the sample request").click()
    page.locator("#sample_path_id").fill("A-1")
    page.locator("#sample_query").fill("a=1")
    page.get_by_role("link", name="Triggers", exact=True).first.click()
    expect(page).to_have_title(re.compile("^Triggers"))
    page.goto("/triggers/new?path=/orders/{id}")
    page.get_by_text("Change the sample request").click()
    page.locator("#sample_path_id").fill("A-1")
    page.get_by_label("Path", exact=True).fill("/orders/{id}/items/{item}")
    expect(page.locator("#sample_path_item")).to_be_visible()
    expect(page.locator("#sample_path_id")).to_have_value("A-1")
    page.get_by_label("Path", exact=True).fill("/orders")
    expect(page.locator("#sample_path_id")).to_have_count(0)


def test_the_sample_begins_with_what_fits_and_is_empty_again_if_left_so(
    opened: Callable[..., Page],
) -> None:
    page = opened("/triggers/new?path=/orders")
    page.get_by_text("Change the sample request").click()
    body = page.locator("#sample_body")
    body.focus()
    expect(body).to_have_value(re.compile("orderId"))
    body.blur()
    expect(body).to_have_value("")
    body.focus()
    page.keyboard.press("End")
    page.keyboard.type(" ")
    body.blur()
    expect(body).to_have_value(re.compile("orderId.* $"))
    page.get_by_label("Content type", exact=True).select_option("text/plain")
    # The machine is missing: what was typed comes back.
    save(page)
    expect(page.get_by_text("Nothing is saved yet")).to_be_visible()
    expect(body).to_have_value(re.compile("orderId.* $"))
    expect(page.get_by_label("Content type", exact=True)).to_have_value("text/plain")


def test_without_scripts_everything_is_seen_and_can_be_sent(
    environment: Environment, opened: Callable[..., Page]
) -> None:
    page = opened("/triggers/new?path=/orders", java_script_enabled=False)
    unfold_all(page)
    for field in page.locator("#trigger-form").locator("input, select, textarea").all():
        if field.get_attribute("type") != "hidden":
            expect(field).to_be_visible()
    chips = page.locator("button[data-line-of]").all()
    assert chips and not any(chip.is_visible() for chip in chips), "they would do nothing"
    page.get_by_label("State machine", exact=True).fill(machine_arn("order-fulfilment"))
    choose(page, "Authorization", "API_KEY")
    choose(page, "Input", "FIELDS")
    page.get_by_role("textbox", name="Fields").fill(
        json.dumps([{"name": "id", "source": "QUERY", "value": "id"}])
    )
    page.get_by_label("GET /orders/executions/{name}").check()
    save(page)
    expect(page.get_by_text("is saved")).to_be_visible()
    trigger = Trigger.objects.get()
    assert (trigger.authorization, trigger.status_route) == ("API_KEY", True)
    assert trigger.input_fields[0]["value"] == "id"


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_scrolls_sideways_whatever_is_chosen(
    width: int, opened: Callable[..., Page]
) -> None:
    page = opened(viewport={"width": width, "height": 844}, color_scheme="dark")
    choose_machine(page, "quote")
    unfold_all(page)
    choose(page, "Input", "FIELDS")
    page.get_by_role("button", name="Add field").click()
    for authorization in Trigger.Authorization.values:
        choose(page, "Authorization", authorization)
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert wide <= 0, authorization
