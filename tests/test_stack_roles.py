"""In the template: one role per route with one action on one literal ARN, and signed webhooks."""

import json
from typing import Any

import pytest

from infra import webhooks
from infra.arns import parse_machine_arn
from tests.stacks import (
    ACCESS,
    MACHINE,
    method,
    of_type,
    only,
    role,
    route,
    spec,
    template,
)

FIRST = "/orders/001"
EXPRESS = {
    "machine_type": "EXPRESS",
    "action": "StartSyncExecution",
    "response_mode": "OUTPUT",
    "response_status": 200,
}


def integration(**fields: Any) -> tuple[Any, Any]:
    made = template(spec(route(1, **fields)))
    return made, method(made, "POST", FIRST)["Integration"]


@pytest.mark.parametrize("authorization", [one for one in ACCESS if one != "SIGNED"])
def test_a_trigger_has_one_role_with_one_action_on_one_machine(authorization: str) -> None:
    made, calls = integration(authorization=authorization)
    assert role(made, calls["Credentials"]) == (
        "apigateway.amazonaws.com",
        [{"Effect": "Allow", "Action": "states:StartExecution", "Resource": MACHINE}],
    )
    assert len(of_type(made, "IAM::Role")) == (2 if authorization == "CUSTOM" else 1)
    assert not of_type(made, "IAM::Policy") and not of_type(made, "IAM::ManagedPolicy")


@pytest.mark.parametrize("qualifier", ["7", "production"])
def test_a_version_or_alias_is_a_condition_on_the_machine_itself(qualifier: str) -> None:
    arn = f"{MACHINE}:{qualifier}"
    made, calls = integration(state_machine_arn=arn)
    _, statements = role(made, calls["Credentials"])
    assert statements == [
        {
            "Effect": "Allow",
            "Action": "states:StartExecution",
            "Resource": MACHINE,
            "Condition": {"StringEquals": {"states:StateMachineQualifier": qualifier}},
        }
    ]
    assert f'"stateMachineArn":"{arn}"' in calls["RequestTemplates"]["application/json"]


def test_a_workflow_that_is_waited_for_has_a_role_and_a_call_of_its_own() -> None:
    made, calls = integration(**EXPRESS)
    (statement,) = role(made, calls["Credentials"])[1]
    assert (statement["Action"], statement["Resource"]) == ("states:StartSyncExecution", MACHINE)
    assert action(calls) == "StartSyncExecution"
    assert action(integration()[1]) == "StartExecution"


def action(calls: Any) -> str:
    """What an integration asks Step Functions for."""
    uri = "".join("" if isinstance(part, dict) else part for part in calls["Uri"]["Fn::Join"][1])
    assert calls["Type"] == "AWS" and calls["IntegrationHttpMethod"] == "POST"
    assert uri.startswith("arn::apigateway::states:action/")
    return uri.rpartition("/")[2]


def test_a_status_route_may_describe_the_executions_of_its_trigger_only() -> None:
    made = template(spec(route(1, status_route=True, state_machine_arn=f"{MACHINE}:live")))
    calls = method(made, "GET", f"{FIRST}/executions/{{name}}")["Integration"]
    assert action(calls) == "DescribeExecution"
    assert role(made, calls["Credentials"]) == (
        "apigateway.amazonaws.com",
        [
            {
                "Effect": "Allow",
                "Action": "states:DescribeExecution",
                "Resource": parse_machine_arn(MACHINE).execution("order001-*"),
            }
        ],
    )
    assert len(of_type(made, "IAM::Role")) == 2


def test_routes_to_one_machine_have_a_role_each() -> None:
    made = template(spec(*(route(number) for number in range(1, 5))))
    credentials = {
        json.dumps(one["Properties"]["Integration"]["Credentials"])
        for one in of_type(made, "ApiGateway::Method").values()
    }
    assert len(credentials) == len(of_type(made, "IAM::Role")) == 4


def test_no_role_of_a_route_names_a_resource_by_a_star_but_the_status_route_s() -> None:
    kinds = [kind for kind in ACCESS if kind != "SIGNED"]
    made = template(
        spec(*(route(n, kind, status_route=True) for n, kind in enumerate(kinds, 1)), route(9))
    )
    stars = set()
    for one in of_type(made, "IAM::Role").values():
        (policy,) = one["Properties"]["Policies"]
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert isinstance(statement["Action"], str) and "*" not in statement["Action"]
        assert isinstance(statement["Resource"], str)
        if "*" in statement["Resource"]:
            stars.add((statement["Action"], statement["Resource"].rpartition(":")[2]))
    assert stars == {("states:DescribeExecution", f"order{n:03}-*") for n in range(1, 6)}


WEBHOOK: dict[str, Any] = {
    "authorization": "SIGNED",
    "webhook_header": "X-Shop-Signature",
    "webhook_algorithm": "sha512",
    "webhook_prefix": "sha512=",
    "webhook_filter_source": "HEADER",
    "webhook_filter": "X-Shop-Event",
    "webhook_events": ("paid", "refunded"),
}


def test_a_signed_webhook_s_function_is_the_source_that_is_tested_and_its_configuration() -> None:
    trigger = route(1, **WEBHOOK)
    wanted = spec(trigger)
    made = template(wanted)
    _, function = only(made, "Lambda::Function")
    assert function["Code"] == {"ZipFile": webhooks.source()}
    assert function["Handler"] == "index.handler"
    assert function["Environment"]["Variables"] == {
        "CONFIG": webhooks.config_of(trigger, wanted.secret_name(trigger))
    }
    assert "Layers" not in function and "VpcConfig" not in function
    assert function["LoggingConfig"] == {"LogGroup": {"Ref": only(made, "Logs::LogGroup")[0]}}


@pytest.mark.parametrize("qualifier", ["", "live"])
def test_a_signed_webhook_s_role_has_its_secret_its_machine_and_its_log(qualifier: str) -> None:
    arn = f"{MACHINE}:{qualifier}" if qualifier else MACHINE
    made = template(spec(route(1, **WEBHOOK, state_machine_arn=arn)))
    _, function = only(made, "Lambda::Function")
    condition = {"StringEquals": {"states:StateMachineQualifier": qualifier}}
    assert role(made, function["Role"]) == (
        "lambda.amazonaws.com",
        [
            {
                "Effect": "Allow",
                "Action": "secretsmanager:GetSecretValue",
                "Resource": "arn:aws:secretsmanager:us-east-1:000000000000:secret:"
                "stepgate/test/order001-??????",
            },
            {
                "Effect": "Allow",
                "Action": "states:StartExecution",
                "Resource": MACHINE,
                **({"Condition": condition} if qualifier else {}),
            },
            {
                "Effect": "Allow",
                "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
                "Resource": {"Fn::GetAtt": [only(made, "Logs::LogGroup")[0], "Arn"]},
            },
        ],
    )


def test_api_gateway_may_invoke_the_function_of_a_signed_webhook_and_nothing_else() -> None:
    made = template(spec(route(1, **WEBHOOK)))
    function, _ = only(made, "Lambda::Function")
    calls = method(made, "POST", FIRST)["Integration"]
    assert (calls["Type"], calls["IntegrationHttpMethod"]) == ("AWS_PROXY", "POST")
    assert {"Fn::GetAtt": [function, "Arn"]} in calls["Uri"]["Fn::Join"][1]
    assert role(made, calls["Credentials"]) == (
        "apigateway.amazonaws.com",
        [
            {
                "Effect": "Allow",
                "Action": "lambda:InvokeFunction",
                "Resource": {"Fn::GetAtt": [function, "Arn"]},
            }
        ],
    )
    assert not of_type(made, "Lambda::Permission")
    assert len(of_type(made, "IAM::Role")) == 2


def test_a_signed_webhook_keeps_its_log_for_a_month_and_takes_it_along() -> None:
    made = template(spec(route(1, **WEBHOOK)))
    (log,) = of_type(made, "Logs::LogGroup").values()
    assert log["Properties"]["RetentionInDays"] == 30
    assert log["DeletionPolicy"] == "Delete"


def test_the_template_names_a_secret_and_neither_makes_nor_reads_one() -> None:
    made = template(spec(route(1, **WEBHOOK)))
    assert not of_type(made, "SecretsManager::Secret")
    text = json.dumps(made)
    assert "{{resolve:" not in text
    assert "stepgate/test/order001" in text


def test_each_signed_webhook_has_its_own_function_role_and_secret() -> None:
    made = template(spec(route(1, **WEBHOOK), route(2, **WEBHOOK)))
    functions = of_type(made, "Lambda::Function").values()
    assert len({json.dumps(one["Properties"]["Role"]) for one in functions}) == 2
    configs = [one["Properties"]["Environment"]["Variables"]["CONFIG"] for one in functions]
    assert {"order001" in text for text in configs} == {True, False}
