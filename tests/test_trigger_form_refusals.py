"""What the form does not take, and what it says at which field."""

from typing import Any

import pytest
from django.test import Client

from dashboard.models import Environment
from tests.test_trigger_form_surface import EXPRESS, FUNCTION, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("local_aws")]


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        ({"authorization": ""}, "authorization", "required"),
        ({"public_reason": " "}, "public_reason", "Say why anyone may call this"),
        ({"authorization": "COGNITO_USER_POOLS"}, "user_pool_arns", "at least one user pool"),
        (
            {"authorization": "COGNITO_USER_POOLS", "user_pool_arns": "us-east-1_abc"},
            "user_pool_arns",
            "“us-east-1_abc” is not the ARN of a Cognito user pool",
        ),
        ({"authorization": "CUSTOM"}, "authorizer_arn", "not the ARN of a Lambda function"),
        (
            {
                "authorization": "CUSTOM",
                "authorizer_arn": FUNCTION,
                "authorizer_sources": "header.A\nheader.B",
            },
            "authorizer_sources",
            "takes one header",
        ),
        (
            {
                "authorization": "CUSTOM",
                "authorizer_arn": FUNCTION,
                "authorizer_sources": "cookie.x",
            },
            "authorizer_sources",
            "“cookie.x” is not header.NAME or query.NAME",
        ),
        (
            {
                "authorization": "SIGNED",
                "response_mode": "FIXED",
                "response_body": '"' + "x" * 5_000 + '"',
            },
            "response_body",
            "Lambda takes 4,096",
        ),
        (
            {"authorization": "SIGNED", "content_types": ["TEXT"]},
            "content_types",
            "JSON or a form",
        ),
        (
            {"authorization": "SIGNED", "webhook_prefix": "sha 256"},
            "webhook_prefix",
            "no space",
        ),
        (
            {"authorization": "SIGNED", "webhook_secret": "s", "method": "GET"},
            "method",
            "A signed webhook is a POST",
        ),
        (
            {"authorization": "SIGNED", "webhook_secret": "s", "input_mode": "FIXED"},
            "input_mode",
            "its body, or its body and headers",
        ),
        (
            {
                "authorization": "SIGNED",
                "webhook_secret": "s",
                "webhook_filter_source": "HEADER",
                "webhook_filter": "X-Event",
            },
            "webhook_events",
            "Name the events",
        ),
        (
            {"input_mode": "REQUEST", "input_headers": "X Y"},
            "input_headers",
            "“X Y” is not the name of a header",
        ),
        ({"input_mode": "FIELDS"}, "input_fields", "Map at least one field"),
        ({"input_mode": "FIELDS", "input_fields": "[1]"}, "input_fields", "list of objects"),
        ({"input_mode": "FIELDS", "input_fields": "{"}, "input_fields", "This is not JSON"),
        (
            {"input_mode": "FIELDS", "input_fields": '[{"name": "\\ud800"}]'},
            "input_fields",
            "half of a character",
        ),
        (
            {"input_mode": "FIELDS", "input_fields": '[{"name": "\\u0000"}]'},
            "input_fields",
            "holds a NUL",
        ),
        (
            {"input_mode": "FIELDS", "input_fields": '[{"name": "a", "colour": "red"}]'},
            "input_fields",
            "Row 1 has no column “colour”",
        ),
        (
            {"input_mode": "FIELDS", "input_fields": '[{"name": "a", "value": "$..x"}]'},
            "input_fields",
            "“$..x” is not a path to one value",
        ),
        (
            {
                "input_mode": "FIELDS",
                "input_fields": '[{"name": "a", "source": "PATH", "value": "nope"}]',
            },
            "input_fields",
            "/orders has no variable {nope}",
        ),
        (
            {
                "input_mode": "FIELDS",
                "input_fields": '[{"name": "a", "value": "$.a"},'
                ' {"name": "b", "value": "$.b", "default": "5"}]',
            },
            "input_fields",
            "Row 2: The default 5 is not of the type",
        ),
        (
            {"body_schema": '{"$schema": "https://json-schema.org/draft/2020-12/schema"}'},
            "body_schema",
            "API Gateway reads draft 4 only",
        ),
        ({"input_mode": "VTL", "input_template": "#if("}, "input_template", "line 1"),
        ({"input_mode": "VTL", "input_template": " "}, "input_template", "Write the mapping"),
        (
            {"response_mode": "TEMPLATE", "response_body": "{}\n#foreach($x in"},
            "response_body",
            "line 2",
        ),
        ({"body_schema": '{"type": "objekt"}'}, "body_schema", "draft 4"),
        ({"body_schema": '{"type": '}, "body_schema", "Line 1, column"),
        (
            {"body_schema": '{"type": "object"}', "content_types": ["JSON", "TEXT"]},
            "content_types",
            "With a schema only JSON is taken",
        ),
        ({"required_parameters": "X-Tenant"}, "required_parameters", "header.NAME or query.NAME"),
        ({"idempotency_source": "HEADER"}, "idempotency_key", "not the name of a header"),
        (
            {"idempotency_source": "BODY", "idempotency_key": "order"},
            "idempotency_key",
            "not a path to one value",
        ),
        (
            {
                "idempotency_source": "HEADER",
                "idempotency_key": "K",
                "state_machine_arn": EXPRESS,
            },
            "idempotency_source",
            "AWS offers no idempotency for EXPRESS",
        ),
        (
            {"action": "StartSyncExecution", "response_mode": "OUTPUT"},
            "action",
            "Only an EXPRESS state machine",
        ),
        ({"response_mode": "OUTPUT"}, "response_mode", "There is no output yet"),
        (
            {"state_machine_arn": EXPRESS, "action": "StartSyncExecution"},
            "response_mode",
            "choose “Output”",
        ),
        ({"response_headers": "no colon"}, "response_headers", "Line 1 is not “Name: value”"),
        ({"response_headers": "X-A: $x"}, "response_headers", "no quotes, backslash, $ or #"),
        ({"response_headers": "Location: /"}, "response_headers", "set by Stepgate or API"),
        (
            {
                "state_machine_arn": EXPRESS,
                "action": "StartSyncExecution",
                "response_mode": "OUTPUT",
                "error_statuses": "OrderNotFound",
            },
            "error_statuses",
            "Line 1 is not an error and a status",
        ),
        (
            {"status_route": "on", "path": "/orders/{name}"},
            "status_route",
            "The variable {name} stands in this path twice",
        ),
        ({"status_route": "on", "path": "/{all+}"}, "status_route", "must come last"),
        ({"status_route": "on", "state_machine_arn": EXPRESS}, "status_route", "STANDARD"),
        ({"cors_origins": "shop.example"}, "cors_origins", "is not an origin"),
        ({"cors_origins": "*\nhttps://a.example"}, "cors_origins", "no other one beside it"),
    ],
)
def test_what_does_not_go_is_said_at_its_field(
    as_admin: Client, environment: Environment, fields: dict[str, Any], field: str, said: str
) -> None:
    found = refused(as_admin, environment, **fields)
    assert said in found[field]
    assert set(found) == {field}
