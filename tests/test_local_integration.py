"""A REST API of the embedded AWS that starts executions: from the HTTP call to the answer."""

import json
import re
import uuid
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from infra.mapping import CONTENT_TYPE
from tests.local_aws import (
    LocalAws,
    deploy_api,
    machine_arn,
    make_resources,
    shared,
    trigger,
    unique,
    until,
)

ECHO = (
    f'{{"stateMachineArn":"{machine_arn("long-wait")}","input":"{{\\"got\\":\\"EXPRESSION\\"}}"}}'
)
"""A StartExecution call whose input is one expression."""


@pytest.fixture
def aws() -> LocalAws:
    return shared()


@pytest.fixture
def states(aws: LocalAws) -> Any:
    return aws.client("stepfunctions")


@pytest.fixture(scope="module")
def orders() -> str:
    """The URL of POST /orders, which starts long-wait with the body."""
    api_id = deploy_api(shared(), trigger(state_machine_arn=machine_arn("long-wait")))
    return shared().url(api_id, "/orders")


@pytest.fixture
def evaluate(aws: LocalAws, states: Any) -> Callable[..., str]:
    """What an expression of a request template gives for a request to ``path``."""

    def value(expression: str, path: str = "/orders", **request: Any) -> str:
        template = ECHO.replace("EXPRESSION", expression)
        route = trigger(path=re.sub(r"/items/.*", "/items/{id}", path.split("?")[0]))
        api_id = deploy_api(aws, route, request_template=template)
        answer = httpx.post(aws.url(api_id, path), **request)
        assert answer.status_code == 202, answer.text
        execution = states.describe_execution(executionArn=answer.json()["executionArn"])
        return str(json.loads(execution["input"])["got"])

    return value


def identifier(answer: httpx.Response) -> str:
    """The id that the templates make of ``$context.extendedRequestId``."""
    return re.sub("[^A-Za-z0-9_-]", "", answer.headers["x-amz-apigw-id"])


def test_a_call_becomes_an_execution_with_its_body(orders: str, states: Any) -> None:
    body = '{"orderId": "A-1001", "total": 12345678901234567890.10, "who": "Zoë\'s"}'
    answer = httpx.post(orders, content=body, headers={"Content-Type": CONTENT_TYPE})
    assert answer.status_code == 202
    assert answer.headers["content-type"] == CONTENT_TYPE
    execution = states.describe_execution(executionArn=answer.json()["executionArn"])
    assert execution["input"] == body
    assert execution["name"] == f"order123-{identifier(answer)}"
    assert answer.json()["requestId"] == identifier(answer)
    assert answer.json()["startDate"] == execution["startDate"].timestamp()


def test_a_call_without_a_content_type_is_taken_as_json(orders: str) -> None:
    answer = httpx.post(orders, content=b'{"a":1}')
    assert "content-type" not in answer.request.headers
    assert answer.status_code == 202


def test_parameters_of_the_content_type_do_not_matter(orders: str) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert httpx.post(orders, content=b"{}", headers=headers).status_code == 202


def test_an_empty_body_is_an_empty_object(orders: str, states: Any) -> None:
    arn = httpx.post(orders).json()["executionArn"]
    assert states.describe_execution(executionArn=arn)["input"] == "{}"


def test_a_content_type_without_a_template_is_refused(orders: str) -> None:
    answer = httpx.post(orders, data={"a": "1"})
    assert answer.status_code == 415
    assert answer.json() == {
        "error": "UNSUPPORTED_MEDIA_TYPE",
        "message": "Unsupported Media Type",
        "requestId": answer.headers["x-amz-apigw-id"],
    }


@pytest.mark.parametrize(
    ("behavior", "templates"), [("NEVER", {}), ("WHEN_NO_TEMPLATES", {CONTENT_TYPE: "{}"})]
)
def test_passing_through_is_refused_where_it_is_not_allowed(
    aws: LocalAws, behavior: str, templates: dict[str, str]
) -> None:
    changed = {"passthroughBehavior": behavior, "requestTemplates": templates}
    api_id = deploy_api(aws, trigger(), integration=changed)
    assert httpx.post(aws.url(api_id, "/orders"), data={"a": "1"}).status_code == 415


def test_a_body_passes_through_where_nothing_forbids_it(aws: LocalAws) -> None:
    changed = {"passthroughBehavior": "WHEN_NO_MATCH"}
    api_id = deploy_api(aws, trigger(), integration=changed)
    answer = httpx.post(aws.url(api_id, "/orders"), data={"a": "1"})
    assert answer.json()["error"] == "SerializationException"


def test_a_call_without_a_machine_is_a_validation_error(aws: LocalAws) -> None:
    api_id = deploy_api(aws, trigger(), request_template="{}")
    answer = httpx.post(aws.url(api_id, "/orders"))
    assert answer.json()["error"] == "ValidationException"
    assert "Value null at 'stateMachineArn'" in answer.json()["message"]


def test_a_structure_as_input_is_a_serialization_error(aws: LocalAws) -> None:
    template = f'{{"stateMachineArn":"{machine_arn("long-wait")}","input":$input.body}}'
    api_id = deploy_api(aws, trigger(), request_template=template)
    answer = httpx.post(aws.url(api_id, "/orders"), json={})
    assert answer.json()["error"] == "SerializationException"
    assert answer.json()["message"] == "Start of structure or map found where not expected."


def test_what_step_functions_refuses_takes_the_default_integration_response(orders: str) -> None:
    answer = httpx.post(orders, content=b"{", headers={"Content-Type": CONTENT_TYPE})
    assert answer.status_code == 400
    assert answer.json()["error"] == "InvalidExecutionInput"
    assert answer.json()["message"].startswith("Invalid State Machine Execution Input")
    assert answer.json()["requestId"] == identifier(answer)


def test_the_type_of_an_error_has_its_long_form(aws: LocalAws) -> None:
    route = trigger(state_machine_arn=machine_arn("nowhere"))
    api_id = deploy_api(aws, route)
    api = aws.client("apigateway")
    resource = make_resources(api, api_id, "/orders")
    api.put_integration_response(
        restApiId=api_id,
        resourceId=resource,
        httpMethod="POST",
        statusCode="400",
        selectionPattern="",
        responseTemplates={CONTENT_TYPE: "$input.path('$.__type')"},
    )
    answer = httpx.post(aws.url(api_id, "/orders"))
    assert answer.text == "com.amazonaws.swf.service.v2.model#StateMachineDoesNotExist"


def test_a_template_that_cannot_be_rendered_is_an_internal_error(aws: LocalAws) -> None:
    api_id = deploy_api(aws, trigger(), request_template="#if($a")
    answer = httpx.post(aws.url(api_id, "/orders"))
    assert answer.status_code == 500
    assert answer.json()["error"] == "API_CONFIGURATION_ERROR"
    assert answer.json()["message"] == "Internal server error"


def test_an_answer_that_no_integration_response_takes_is_an_internal_error(aws: LocalAws) -> None:
    api_id = deploy_api(aws, trigger(state_machine_arn=machine_arn("nowhere")))
    api = aws.client("apigateway")
    api.delete_integration_response(
        restApiId=api_id,
        resourceId=make_resources(api, api_id, "/orders"),
        httpMethod="POST",
        statusCode="400",
    )
    assert httpx.post(aws.url(api_id, "/orders")).status_code == 500


def test_a_template_can_override_status_and_headers(aws: LocalAws) -> None:
    template = (
        "#set($context.responseOverride.status = 201)"
        '#set($context.responseOverride.header["Location"] = "/here")'
        '#set($context.responseOverride.header["content-type"] = "text/plain")made'
    )
    api_id = deploy_api(aws, trigger(), response_template=template)
    answer = httpx.post(aws.url(api_id, "/orders"))
    assert (answer.status_code, answer.text) == (201, "made")
    assert answer.headers["location"] == "/here"
    assert answer.headers["content-type"] == "text/plain"


def test_an_empty_answer_has_no_body(aws: LocalAws) -> None:
    api_id = deploy_api(aws, trigger(response_mode="EMPTY", response_status=204))
    answer = httpx.post(aws.url(api_id, "/orders"))
    assert (answer.status_code, answer.content) == (204, b"")


def test_a_fixed_input_and_a_fixed_answer_stay_as_they_were_typed(
    aws: LocalAws, states: Any
) -> None:
    typed, reply = '{"price": "$5 #1", "say": "it\'s \\"so\\""}', '{"ok": "#set($x) $x"}'
    route = trigger(
        state_machine_arn=machine_arn("long-wait"),
        input_mode="FIXED",
        input_template=typed,
        response_mode="FIXED",
        response_body=reply,
    )
    answer = httpx.post(aws.url(deploy_api(aws, route), "/orders"), json={"other": 1})
    assert answer.json() == json.loads(reply)
    listed = states.list_executions(stateMachineArn=route.state_machine_arn, maxResults=1000)
    (mine,) = [one for one in listed["executions"] if one["name"].endswith(identifier(answer))]
    assert states.describe_execution(executionArn=mine["executionArn"])["input"] == typed


def test_the_execution_ends_in_success(aws: LocalAws, states: Any) -> None:
    order = {"orderId": "A-1001", "items": [{"sku": "mug", "quantity": 2}]}
    answer = httpx.post(aws.url(deploy_api(aws, trigger()), "/orders"), json=order)
    arn = answer.json()["executionArn"]
    until(lambda: states.describe_execution(executionArn=arn)["status"] == "SUCCEEDED")


def test_path_query_and_header_reach_the_template(evaluate: Callable[..., str]) -> None:
    expression = (
        "$input.params('id')/$input.params().querystring.get('q')"
        "/$input.params().header.get('X-Custom')"
    )
    got = evaluate(expression, "/items/a%20b?q=1&q=2", headers={"X-Custom": "c"})
    assert got == "a b/2/c"


@pytest.mark.parametrize(
    ("expression", "pattern"),
    [
        ("$context.identity.sourceIp", "127.0.0.1"),
        ("$context.identity.userAgent", "a-browser"),
        ("$context.httpMethod", "POST"),
        ("$context.resourcePath", "/orders"),
        ("$context.path", "/restapis/[a-z0-9]+/prod/_user_request_/orders"),
        ("$context.stage", "prod"),
        ("$context.accountId", "000000000000"),
        ("$context.apiId", "[a-z0-9]{8,10}"),
        ("$context.domainName", r"[a-z0-9]+\.execute-api\.us-east-1\.amazonaws\.com"),
        ("$context.protocol", r"HTTP/1\.1"),
        ("$context.requestTime", r"\d\d/[A-Z][a-z][a-z]/\d{4}:\d\d:\d\d:\d\d \+0000"),
        ("$context.requestTimeEpoch", r"\d{13}"),
        ("$context.extendedRequestId", r"[A-Za-z0-9_-]{15}="),
    ],
)
def test_context_variables_have_their_values(
    evaluate: Callable[..., str], expression: str, pattern: str
) -> None:
    assert re.fullmatch(pattern, evaluate(expression, headers={"User-Agent": "a-browser"}))


def test_a_caller_can_choose_the_request_id_but_not_the_extended_one(orders: str) -> None:
    chosen = str(uuid.uuid4())
    headers = {"x-amzn-RequestId": chosen, "x-amz-apigw-id": "chosen="}
    answer = httpx.post(orders, headers=headers)
    assert answer.headers.get_list("x-amzn-requestid") == [chosen]
    assert re.fullmatch("[A-Za-z0-9_-]{15}=", answer.headers["x-amz-apigw-id"])
    again = httpx.post(orders, headers={"x-amzn-RequestId": "not-a-uuid"})
    assert again.headers["x-amzn-requestid"] not in ("not-a-uuid", chosen)


def test_a_gateway_error_carries_both_ids_and_its_type(aws: LocalAws, orders: str) -> None:
    chosen = str(uuid.uuid4())
    answer = httpx.put(orders, headers={"x-amzn-RequestId": chosen})
    assert answer.status_code == 403
    assert answer.json() == {
        "error": "MISSING_AUTHENTICATION_TOKEN",
        "message": "Missing Authentication Token",
        "requestId": answer.headers["x-amz-apigw-id"],
    }
    assert answer.headers["x-amzn-requestid"] == chosen


def test_a_gateway_response_takes_variables_but_no_velocity(aws: LocalAws) -> None:
    api_id = deploy_api(aws, trigger())
    api = aws.client("apigateway")
    template = "#set($a = 1)$context.requestId ${context.stage} $context.error.messageString"
    api.put_gateway_response(
        restApiId=api_id, responseType="DEFAULT_4XX", responseTemplates={CONTENT_TYPE: template}
    )
    api.create_deployment(restApiId=api_id, stageName="prod")
    answer = httpx.get(aws.url(api_id, "/orders"))
    request_id = answer.headers["x-amzn-requestid"]
    assert answer.text == f'#set($a = 1){request_id} prod "Missing Authentication Token"'


@pytest.mark.parametrize("path", ["/orders", "/"])
def test_an_api_that_does_not_exist_answers_forbidden(aws: LocalAws, path: str) -> None:
    answer = httpx.post(aws.url("zzzzzzzzzz", path))
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert answer.headers["x-amz-apigw-id"]
    assert answer.headers["x-amzn-errortype"] == "ForbiddenException"


def test_a_stage_that_does_not_exist_answers_forbidden(aws: LocalAws, orders: str) -> None:
    answer = httpx.post(orders.replace("/prod/", "/other/"))
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})


def test_a_deleted_api_answers_forbidden(aws: LocalAws) -> None:
    api_id = deploy_api(aws, trigger())
    assert httpx.post(aws.url(api_id, "/orders")).status_code == 202
    aws.client("apigateway").delete_rest_api(restApiId=api_id)
    assert httpx.post(aws.url(api_id, "/orders")).status_code == 403


@pytest.mark.parametrize("second", ["{other}", "{rest+}"])
def test_a_second_variable_under_one_parent_is_refused(aws: LocalAws, second: str) -> None:
    api = aws.client("apigateway")
    api_id = api.create_rest_api(name=unique("api"))["id"]
    make_resources(api, api_id, "/orders/{id}")
    with pytest.raises(ClientError) as error:
        make_resources(api, api_id, f"/orders/{second}")
    assert error.value.response["Error"]["Code"] == "BadRequestException"
    assert error.value.response["Error"]["Message"] == (
        "A sibling ({id}) of this resource already has a variable path part -- only one is allowed"
    )


def test_an_integration_that_takes_too_long_is_a_gateway_timeout(
    aws: LocalAws, states: Any
) -> None:
    definition = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 1, "End": True}}}
    machine = states.create_state_machine(
        name=unique("slow"),
        type="EXPRESS",
        definition=json.dumps(definition),
        roleArn="arn:aws:iam::000000000000:role/any",
    )["stateMachineArn"]
    changed = {
        "uri": "arn:aws:apigateway:us-east-1:states:action/StartSyncExecution",
        "timeoutInMillis": 100,
    }
    api_id = deploy_api(aws, trigger(state_machine_arn=machine), integration=changed)
    answer = httpx.post(aws.url(api_id, "/orders"))
    assert (answer.status_code, answer.json()["error"]) == (504, "INTEGRATION_TIMEOUT")
    assert answer.json()["message"] == "Endpoint request timed out"


def test_any_action_of_step_functions_can_be_integrated(aws: LocalAws) -> None:
    changed = {"uri": "arn:aws:apigateway:us-east-1:states:action/StartSyncExecution"}
    api_id = deploy_api(
        aws,
        trigger(state_machine_arn=machine_arn("quote")),
        integration=changed,
        response_template="$input.path('$.output')",
    )
    answer = httpx.post(aws.url(api_id, "/orders"), json={"member": True})
    assert answer.json()["price"] == 80
