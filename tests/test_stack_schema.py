"""A schema reaches API Gateway as it was typed, whatever it holds; no other text means anything."""

import json
from typing import Any

import pytest

from tests.local_aws import machine_arn
from tests.stacks import FUNCTION, only, route, spec, template

AWKWARD: dict[str, Any] = {
    "names that CloudFormation has functions for": {
        "properties": {
            "Ref": {"type": "string"},
            "Fn::Join": {"type": "array"},
            "alone": {"properties": {"Ref": {"type": "string"}}},
            "attribute": {"properties": {"Fn::GetAtt": {"type": "string"}}},
        },
        "required": ["Ref"],
    },
    "references into itself": {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "definitions": {"item": {"type": "object", "properties": {"sku": {"type": "string"}}}},
        "properties": {
            "items": {"type": "array", "items": {"$ref": "#/definitions/item"}},
            "parent": {"$ref": "#"},
        },
    },
    "null, nothing and empty": {
        "enum": [None, "", 0, False, [], {}, [None], {"a": None}],
        "default": None,
        "properties": {},
    },
    "signs of Velocity and of Fn::Sub": {
        "properties": {
            "$price": {"pattern": "^\\$[0-9]+#{0,1}$"},
            "text": {"enum": ["${AWS::Region}", "$!{x}", "#set($a = 1)", "${Token}", "{{x}}"]},
        },
    },
    "letters and quotes": {"title": 'Bestellung «42» — "naïve" \\ 注文 \u2028 🚚'},
}


def deployed(text: str) -> str:
    schema = only(template(spec(route(1, body_schema=text))), "ApiGateway::Model")[1]["Schema"]
    assert isinstance(schema, str)
    return schema


@pytest.mark.parametrize("name", AWKWARD)
def test_an_awkward_schema_is_deployed_as_it_is(name: str) -> None:
    assert json.loads(deployed(json.dumps(AWKWARD[name]))) == AWKWARD[name]
    pretty = json.dumps(AWKWARD[name], indent=2, ensure_ascii=False)
    assert deployed(pretty) == pretty


def test_a_long_number_keeps_its_digits() -> None:
    """JavaScript, in which the CDK is written, would round it."""
    assert deployed('{"maximum": 9223372036854775807}') == '{"maximum": 9223372036854775807}'


def test_a_schema_that_is_no_object_is_refused_in_words() -> None:
    with pytest.raises(ValueError, match="A schema is a JSON object"):
        route(1, body_schema="[]")
    with pytest.raises(ValueError, match=r"\(JSON Schema, draft 4\)"):
        route(1, body_schema='{"type": "nonsense"}')


SECRET = "{{resolve:secretsmanager:prod/database:SecretString:password}}"
TOKEN = "${Token[TOKEN.12]}"


@pytest.mark.parametrize("mark", [SECRET, TOKEN, "#{Token[TOKEN.7]}"])
@pytest.mark.parametrize(
    "fields",
    [
        {"body_schema": '{"title": "MARK"}'},
        {"input_mode": "FIXED", "input_template": '{"a": ["MARK"]}'},
        {"input_mode": "VTL", "input_template": '{"input": "MARK"}'},
        {
            "input_mode": "FIELDS",
            "input_fields": ({"name": "MARK", "source": "CONSTANT", "value": "1"},),
        },
        {
            "input_mode": "FIELDS",
            "input_fields": ({"name": "a", "source": "CONSTANT", "value": '"MARK"'},),
        },
        {
            "input_mode": "FIELDS",
            "input_fields": ({"name": "a", "source": "QUERY", "value": "q", "default": '"MARK"'},),
        },
        {"response_mode": "FIXED", "response_body": '{"a": "MARK"}'},
        {"response_mode": "TEMPLATE", "response_body": "MARK"},
        {
            "authorization": "SIGNED",
            "webhook_filter_source": "HEADER",
            "webhook_filter": "X-Event",
            "webhook_events": ("push", "MARK"),
        },
    ],
    ids=lambda fields: "-".join(fields),
)
def test_no_text_can_read_a_secret_or_a_value_of_the_cdk_into_a_template(
    fields: dict[str, Any], mark: str
) -> None:
    """CloudFormation resolves dynamic references with the rights of whoever deploys."""
    text = json.dumps(fields).replace("MARK", mark)
    with pytest.raises(ValueError, match=r"cannot stand here: .* in its place"):
        route(1, **json.loads(text))


def test_a_response_header_cannot_read_a_parameter_into_a_template() -> None:
    with pytest.raises(ValueError, match="CloudFormation would put a parameter or a secret"):
        route(1, response_headers=(("X-Build", "{{resolve:ssm:/prod/build}}"),))


def test_braces_and_dollars_that_mean_nothing_are_let_through() -> None:
    fixed = '{"a": {"b": {"c": "{{ name }} ${name} #{name} {resolve:ssm}"}}}'
    made = template(spec(route(1, input_mode="FIXED", input_template=fixed)))
    assert made["Metadata"]["stepgate"]["triggers"][0]["input_template"] == fixed


def test_the_arns_that_others_typed_stand_in_the_template_as_literals() -> None:
    made = template(spec(route(1, "CUSTOM", state_machine_arn=machine_arn("order-fulfilment"))))
    text = json.dumps(made["Resources"])
    assert FUNCTION in text and machine_arn("order-fulfilment") in text
    assert "Fn::Sub" not in text and "Fn::ImportValue" not in text
