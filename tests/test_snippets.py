"""The snippets, run as a caller would run them, against the embedded AWS."""

import io
import json
import os
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from pytest_django.plugin import DjangoDbBlocker

from dashboard import acts, snippets
from dashboard.models import Environment, RestApi, Trigger
from dashboard.models.rest_api import new_key
from infra import samples
from infra.spec import TriggerSpec
from tests.conftest import ended, make_trigger, words
from tests.local_aws import trigger as spec
from tests.local_aws import unique
from tests.surface import Api, client, route, serve

pytestmark = pytest.mark.django_db
SECRET, TOKEN = "whsec_'\"$HOME`id`\\ of tests", "a-token_of.tests"
BASE = "https://abc.execute-api.us-east-1.amazonaws.com/prod"
ODD = 'it\'s "odd" $HOME `id` ${x} \\ %d {} \n\t ü😀 & <b> !'
AUTHORIZER = f"""
def handler(event, context):
    given = [event.get("authorizationToken")]
    if event["type"] == "REQUEST":
        given = [event["queryStringParameters"]["who"], event["headers"]["X-Who"]]
    effect = "Allow" if all(value == "{TOKEN}" for value in given) else "Deny"
    statement = {{"Effect": effect, "Action": "execute-api:Invoke", "Resource": "*"}}
    policy = {{"Version": "2012-10-17", "Statement": [statement]}}
    return {{"principalId": "p", "policyDocument": policy}}
"""
FIELDS = [
    {"name": "id", "source": "PATH", "value": "id", "type": "NUMBER", "required": True},
    {"name": "rest", "source": "PATH", "value": "rest", "required": True},
    {"name": "q", "source": "QUERY", "value": "the[q]", "required": True},
    {"name": "h", "source": "HEADER", "value": "X-Own", "required": True},
    {"name": "b", "source": "BODY", "value": "$.deep.b", "type": "BOOLEAN", "required": True},
]
LANGUAGES = ("curl", "python", "javascript")


def _authorizer() -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", AUTHORIZER)
    made = client("lambda").create_function(
        FunctionName=unique("who"),
        Runtime="python3.13",
        Handler="index.handler",
        Role="arn:aws:iam::000000000000:role/functions",
        Code={"ZipFile": packed.getvalue()},
    )
    return str(made["FunctionArn"])


def _secrets(rest_api: RestApi) -> str:
    """The value of a new API key; the webhooks' secret is written, too."""
    for each in rest_api.triggers.filter(authorization="SIGNED"):
        acts.write_secret(rest_api.environment, each.key, SECRET)
    if not rest_api.usage_plan_id:
        return ""
    return acts.create_api_key(rest_api, "tests", form_key=new_key(), by="ada")[1]


def _hook(path: str, **fields: Any) -> dict[str, Any]:
    return route(path, authorization="SIGNED", **fields)


def _routes() -> list[list[dict[str, Any]]]:
    """What one template of 51,200 bytes holds, each."""
    custom = {"authorization": "CUSTOM", "authorizer_arn": _authorizer(), "authorizer_ttl": 0}
    where = {"authorizer_type": "REQUEST", "authorizer_sources": ["query.who", "header.X-Who"]}
    odd = {"type": "object", "default": {"text": ODD}}
    return [
        [
            route("/public"),
            route(
                "/iam/{id}",
                authorization="AWS_IAM",
                required_parameters=["query.b", "query.a.x"],
            ),
            route("/key", authorization="API_KEY"),
            route("/token", **custom),
            route("/request", **(custom | where), required_parameters=["query.a"]),
        ],
        [
            _hook("/stripe", webhook_preset="STRIPE"),
            _hook("/github", webhook_preset="GITHUB"),
            _hook("/slack", webhook_preset="SLACK", input_mode="REQUEST"),
        ],
        [
            _hook(
                "/hmac",
                webhook_preset="HMAC",
                webhook_algorithm="sha512",
                webhook_encoding="base64",
                webhook_prefix="v1='$x!",
                webhook_timestamp_header="X-Time",
            ),
            _hook("/sha1", webhook_preset="HMAC", webhook_algorithm="sha1", webhook_prefix="sha1="),
        ],
        [
            route("/form", content_types=["FORM"]),
            route("/text", content_types=["TEXT"]),
            route("/odd", body_schema=json.dumps(odd)),
            route(
                "/fields/{id}/{rest+}",
                method="ANY",
                input_mode="FIELDS",
                input_fields=FIELDS,
                idempotency_source="HEADER",
                idempotency_key="Idempotency-Key",
            ),
            route("/get", method="GET", input_mode="FIXED", input_template='{"a": 1}'),
            route("/delete", method="DELETE"),
        ],
    ]


@pytest.fixture(scope="module")
def apis(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> dict[str, Api]:
    """The REST API of each path."""
    served = [serve(django_db_blocker, *some, also=_secrets) for some in _routes()]
    return {path: api for api in served for path in api.specs}


def run(language: str, code: str, folder: Path, api_key: str = "") -> tuple[int, str]:
    """Status and body that the snippet printed."""
    environ = {
        "PATH": os.environ["PATH"],
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "API_KEY": api_key,
        "TOKEN": TOKEN,
        "WHO": TOKEN,
        "X_WHO": TOKEN,
        "WEBHOOK_SECRET": SECRET,
    }
    name, command = {
        "curl": ("call.sh", ["bash"]),
        "python": ("call.py", [sys.executable, "-I", "-W", "error"]),
        "javascript": ("call.mjs", ["node"]),
    }[language]
    file = folder / name
    file.write_text(code, encoding="utf-8")
    done = subprocess.run(
        [*command, str(file)], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    if language != "curl":
        status, _, body = done.stdout.partition(" ")
        return int(status), body
    head, _, body = done.stdout.replace("\r\n", "\n").partition("\n\n")
    return int(head.split()[1]), body


def code_of(language: str, trigger: TriggerSpec, base: str = BASE) -> str:
    return next(s.code for s in snippets.snippets(trigger, base) if s.name == language)


PATHS = [
    "/public",
    "/iam/{id}",
    "/key",
    "/token",
    "/request",
    "/stripe",
    "/github",
    "/slack",
    "/hmac",
    "/sha1",
    "/form",
    "/text",
    "/odd",
    "/fields/{id}/{rest+}",
    "/get",
    "/delete",
]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PATHS)
def test_a_snippet_starts_an_execution_as_it_stands(
    path: str, language: str, apis: dict[str, Api], tmp_path: Path
) -> None:
    api = apis[path]
    served = api.specs[path]
    code = code_of(language, served, api.url)
    if (language, served.authorization) == ("javascript", "AWS_IAM"):
        file = tmp_path / "call.mjs"
        file.write_text(code, encoding="utf-8")
        subprocess.run(["node", "--check", str(file)], check=True)  # its signer is a package
        return
    before = set(api.started(path))
    status, body = run(language, code, tmp_path, api.made)
    assert status == 202, body
    arn = json.loads(body)["executionArn"]
    assert arn.rpartition(":")[2].startswith(f"{served.key}-")
    if path not in ("/stripe", "/slack"):  # their samples name the execution
        assert arn.rpartition(":")[2] not in before
    started = client("stepfunctions").describe_execution(executionArn=arn)
    document, sent = json.loads(started["input"]), samples.sample(served)
    if path == "/fields/{id}/{rest+}":
        assert document == {"id": 42, "rest": "A-1001", "q": "A-1001", "h": "A-1001", "b": True}
    elif path == "/slack":
        assert document["body"] == json.loads(sent.body)
    elif path == "/odd":
        assert document == {"text": ODD}
    elif path in ("/text", "/form"):
        expected = {"orderId": "A-1001", "quantity": "2"}
        assert document == (expected if path == "/form" else sent.body)
    elif path == "/get":
        assert document == {"a": 1}
    else:
        assert document == json.loads(sent.body)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_snippet_holds_a_secret(language: str, apis: dict[str, Api]) -> None:
    code = code_of(language, apis["/key"].specs["/key"])
    assert "API_KEY" in code and apis["/key"].made not in code


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"authorization": "AWS_IAM"}, "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        ({"authorization": "API_KEY"}, "Set API_KEY."),
        ({"authorization": "SIGNED"}, "Set WEBHOOK_SECRET."),
        (
            {
                "authorization": "COGNITO_USER_POOLS",
                "user_pool_arns": (
                    "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_A",
                ),
            },
            "Set TOKEN.",
        ),
        ({}, ""),
    ],
)
def test_what_has_to_be_set_is_said(fields: dict[str, Any], said: str) -> None:
    for snippet in snippets.snippets(spec(**fields), BASE):
        assert snippet.note.startswith(said) and bool(snippet.note) is bool(said)


def test_an_iam_call_is_signed_for_the_machine_s_region() -> None:
    arn = "arn:aws:states:eu-west-1:000000000000:stateMachine:m"
    for snippet in snippets.snippets(spec(authorization="AWS_IAM", state_machine_arn=arn), BASE):
        assert "eu-west-1" in snippet.code and "execute-api" in snippet.code


def test_the_curl_line_has_method_header_and_body() -> None:
    assert shlex.split(snippets.curl(spec(), BASE)) == [
        "curl",
        "-i",
        "-X",
        "POST",
        f"{BASE}/orders",
        "-H",
        "Content-Type: application/json",
        "--data-raw",
        samples.BODIES["JSON"],
    ]


def test_any_is_called_with_post_and_variables_are_filled() -> None:
    words_ = shlex.split(snippets.curl(spec(method="ANY", path="/orders/{id}/items/{rest+}"), BASE))
    assert words_[3:5] == ["POST", f"{BASE}/orders/42/items/42"]


@pytest.mark.parametrize(
    ("path", "value", "url"),
    [
        ("/a/{id}", "x/y z?#%", "/a/x%2Fy%20z%3F%23%25"),
        ("/a/{id}", "it's ü", "/a/it%27s%20%C3%BC"),
        ("/a/{rest+}", "x/y z", "/a/x/y%20z"),
    ],
)
def test_path_variables_are_quoted(path: str, value: str, url: str) -> None:
    name = path.split("{")[1].strip("+}")
    assert samples.filled_path(path, {name: value}) == url


def test_the_page_has_all_three_with_a_button_to_copy_each(
    as_admin: Client, trigger: Trigger, local_aws: object
) -> None:
    ended(trigger)
    page = as_admin.get(trigger.get_absolute_url())
    html, text = page.content.decode(), words(page)
    for snippet in page.context["snippets"]:
        assert f'data-copy-from="#snippet-{snippet.name}"' in html
        assert " ".join(snippet.code.split()) in text
    assert html.count('<details name="snippet"') == 3


@pytest.mark.parametrize(
    "fields",
    [
        {"authorization": "AWS_IAM"},
        {"authorization": "API_KEY"},
        {"authorization": "SIGNED", "webhook_preset": "SLACK"},
        {
            "authorization": "CUSTOM",
            "authorizer_arn": "arn:aws:lambda:us-east-1:000000000000:function:w",
        },
        {"input_mode": "FIELDS", "input_fields": FIELDS, "path": "/o/{id}/{rest+}"},
        {"content_types": ["FORM", "TEXT"]},
        {"method": "ANY"},
        {"method": "GET", "input_mode": "FIXED", "input_template": "{}"},
    ],
)
def test_the_page_of_each_kind_of_trigger_offers_to_send(
    fields: dict[str, Any], as_admin: Client, environment: Environment, local_aws: object
) -> None:
    trigger = make_trigger(environment, **fields)
    ended(trigger)
    page = as_admin.get(trigger.get_absolute_url())
    assert page.status_code == 200 and "Send request" in words(page)
