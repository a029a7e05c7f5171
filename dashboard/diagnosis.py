"""Who gave an answer of 400 or more, the usual cause, and what to do next.

Names in capitals are API Gateway's (developer guide, "Gateway response types"); the others
are Step Functions' own, Stepgate's, or a workflow's.
"""

import json
from typing import NamedTuple

from dashboard.models import Request
from infra.spec import TriggerSpec


class Diagnosis(NamedTuple):
    who: str
    cause: str
    next_step: str


GATEWAY = "API Gateway answered"
STATES = "Step Functions answered"
TRIGGER = "The trigger's own check answered"
WEBHOOK = "The webhook's function answered"
WORKFLOW = "The workflow answered"


def diagnosis(request: Request) -> Diagnosis:
    """Of a request that was refused, or that nobody answered."""
    if request.error:
        return Diagnosis(
            "Nobody answered",
            f"The endpoint could not be reached: {request.error}",
            "Check that this machine reaches the endpoint, then repeat the request.",
        )
    try:
        error = json.loads(request.answer_body).get("error", "")
    except (ValueError, AttributeError, RecursionError):
        error = ""
    error = error if isinstance(error, str) else ""
    spec = request.trigger.spec_live() or request.trigger.spec()
    if found := _by_authorization(error, spec) or _KNOWN.get(error):
        return found
    if "x-amzn-errortype" in request.answer_headers or (
        request.status == 403 and error != "AccessDeniedException"
    ):
        return Diagnosis(
            GATEWAY,
            "The request did not get as far as the state machine.",
            "The message below says why.",
        )
    if spec.action == "StartSyncExecution" and error:
        return Diagnosis(
            WORKFLOW,
            f"It started and ended with the error {error}; the message is its cause.",
            "Read the execution in the state machine's log group: AWS lists no EXPRESS "
            "executions. Which status an error becomes is set in the trigger's form.",
        )
    return Diagnosis(STATES, "The execution was not started.", "The message below says why.")


def _by_authorization(error: str, spec: TriggerSpec) -> Diagnosis | None:
    """What an error means depends on who may call."""
    kind = spec.authorization
    if error == "MISSING_AUTHENTICATION_TOKEN" and kind == "AWS_IAM":
        return Diagnosis(
            GATEWAY,
            "The request is not signed (SigV4), or the REST API has no such route.",
            "Sign it as the snippets do, and check method and path. Right after a deployment it "
            "can take a few seconds.",
        )
    if error == "ACCESS_DENIED" and kind == "CUSTOM":
        return Diagnosis(
            GATEWAY,
            "The Lambda authorizer denied the call, or the REST API's allowed addresses do.",
            "Check the token, what policy the authorizer answers, and the allowed addresses. An "
            f"answer is kept for {spec.authorizer_ttl} s.",
        )
    if error == "ACCESS_DENIED" and kind == "AWS_IAM":
        return Diagnosis(
            GATEWAY,
            "Whoever signed may not call this route: no policy allows execute-api:Invoke, or the "
            "REST API's allowed addresses deny it.",
            "Allow execute-api:Invoke on this route in the caller's IAM policy, or add the "
            "address on the REST API's page.",
        )
    if error == "UNAUTHORIZED" and kind == "COGNITO_USER_POOLS":
        wanted = "an access token with one of the scopes" if spec.scopes else "an ID token"
        return Diagnosis(
            GATEWAY,
            "The Authorization header holds no valid token of the user pool.",
            f"Send {wanted} {' '.join(spec.scopes)}, not expired, from one of the trigger's user "
            "pools.".replace("  ", " "),
        )
    return None


_KNOWN = {
    "THROTTLED": Diagnosis(
        GATEWAY,
        "More requests came than the trigger's throttle, or the usage plan, lets through.",
        "Send fewer, or raise the throttle in the trigger's form and deploy.",
    ),
    "QUOTA_EXCEEDED": Diagnosis(
        GATEWAY,
        "This API key has used up its quota of the usage plan.",
        "Wait for the next period, or raise the quota on the REST API's page and deploy.",
    ),
    "MISSING_AUTHENTICATION_TOKEN": Diagnosis(
        GATEWAY,
        "The REST API has no such route.",
        "Check method and path. Right after a deployment it can take a few seconds.",
    ),
    "INVALID_SIGNATURE": Diagnosis(
        GATEWAY,
        "The SigV4 signature does not fit the request, or the access key is not valid.",
        "Sign exactly what is sent (path, query, body), for the service execute-api and the REST "
        "API's Region, with a clock that is right.",
    ),
    "EXPIRED_TOKEN": Diagnosis(
        GATEWAY, "The temporary credentials have expired.", "Get new ones and sign again."
    ),
    "ACCESS_DENIED": Diagnosis(
        GATEWAY,
        "The REST API's allowed addresses, or another policy, deny this call.",
        "Add the caller's address on the REST API's page and deploy.",
    ),
    "INVALID_API_KEY": Diagnosis(
        GATEWAY,
        "The x-api-key header is missing, or its key is revoked or not of this REST API.",
        "Send a key of the REST API's page. A new key works after a few seconds.",
    ),
    "UNAUTHORIZED": Diagnosis(
        GATEWAY,
        "What shows who calls is missing, or the Lambda authorizer answered “Unauthorized”.",
        "Send the header or query parameter that the trigger's authorizer reads.",
    ),
    "AUTHORIZER_FAILURE": Diagnosis(
        GATEWAY,
        "The Lambda authorizer failed, or took too long.",
        "Look at the function's log.",
    ),
    "AUTHORIZER_CONFIGURATION_ERROR": Diagnosis(
        GATEWAY,
        "The Lambda authorizer could not be asked, or what it answered is no policy.",
        "Check that the function exists and that it answers principalId and policyDocument.",
    ),
    "BAD_REQUEST_BODY": Diagnosis(
        GATEWAY,
        "The body does not pass the trigger's JSON Schema.",
        "The preview in the trigger's form shows which place does not.",
    ),
    "BAD_REQUEST_PARAMETERS": Diagnosis(
        GATEWAY, "A required header or query parameter is missing.", "Send what the message names."
    ),
    "UNSUPPORTED_MEDIA_TYPE": Diagnosis(
        GATEWAY,
        "The trigger does not take this Content-Type. curl -d sends "
        "application/x-www-form-urlencoded unless told otherwise.",
        "Send one that it takes, or add this one in the trigger's form and deploy.",
    ),
    "REQUEST_TOO_LARGE": Diagnosis(
        GATEWAY, "The body is larger than API Gateway takes (10 MB).", "Send less."
    ),
    "INTEGRATION_TIMEOUT": Diagnosis(
        GATEWAY,
        "There was no answer within 29 s. The execution may run on.",
        "Look at its executions before sending again. A longer workflow is started without "
        "waiting (StartExecution).",
    ),
    "INTEGRATION_FAILURE": Diagnosis(
        GATEWAY, "It could not reach what stands behind the route.", "Send again."
    ),
    "API_CONFIGURATION_ERROR": Diagnosis(
        GATEWAY,
        "It could not build the call: a mapping template fails on this request, or its role may "
        "not be used yet.",
        "Try the request in the form's preview. Right after a deployment wait a few seconds.",
    ),
    "WAF_FILTERED": Diagnosis(GATEWAY, "A web ACL of AWS WAF blocks this call.", "Look there."),
    "BadRequest": Diagnosis(
        TRIGGER,
        "Something that the input or the execution's name needs is missing or of another kind.",
        "Send what the message names.",
    ),
    "MissingSignature": Diagnosis(
        WEBHOOK, "The signature header is missing.", "Set the secret at the sender."
    ),
    "InvalidSignature": Diagnosis(
        WEBHOOK,
        "The signature does not fit the body: another secret, or a body changed on its way.",
        "Compare the secret with the sender's, and set it anew in the trigger's form. A new one "
        "counts within seconds.",
    ),
    "InvalidTimestamp": Diagnosis(
        WEBHOOK,
        "The signature is too old: an old delivery sent again, or a clock that is wrong.",
        "Have the sender sign anew.",
    ),
    "SecretUnreadable": Diagnosis(
        WEBHOOK,
        "The signing secret could not be read from Secrets Manager.",
        "Set the secret in the trigger's form, then send again.",
    ),
    "InvalidExecutionInput": Diagnosis(
        STATES, "The body is not JSON.", "Send JSON; the message says where it is none."
    ),
    "ValidationException": Diagnosis(
        STATES,
        "The input is larger than 262,144 bytes, or the call breaks another rule of AWS.",
        "Send less, or a reference to where the data lies.",
    ),
    "SerializationException": Diagnosis(
        STATES,
        "The mapping template made no legal call.",
        "Try the request in the form's preview.",
    ),
    "InvalidName": Diagnosis(
        STATES,
        "The execution's name has characters that AWS does not take, or more than 80.",
        "Try the request in the form's preview.",
    ),
    "StateMachineDoesNotExist": Diagnosis(
        STATES,
        "The state machine was deleted after the deployment.",
        "Choose another one in the trigger's form and deploy.",
    ),
    "StateMachineDeleting": Diagnosis(
        STATES, "The state machine is being deleted.", "Choose another one and deploy."
    ),
    "StateMachineTypeNotSupported": Diagnosis(
        STATES,
        "The state machine is of another type than the trigger was deployed for.",
        "Save the trigger anew, so that its type is read, and deploy.",
    ),
    "AccessDeniedException": Diagnosis(
        STATES,
        "The trigger's role may not start this state machine.",
        "Deploy again: it writes the role anew. Right after a deployment wait a few seconds.",
    ),
    "ExecutionLimitExceeded": Diagnosis(
        STATES,
        "The account has as many open executions as it may.",
        "Wait until some end, or have the quota raised.",
    ),
    "ThrottlingException": Diagnosis(
        STATES,
        "Step Functions limits how many executions may start a second.",
        "Send again after the Retry-After; lower the trigger's throttle to what AWS takes.",
    ),
    "ExecutionAlreadyExists": Diagnosis(
        STATES,
        "An execution of this name exists already: the idempotency key was used before.",
        "Send another key. A name is free again 90 days after its execution has closed.",
    ),
}
_KNOWN["TooManyRequestsException"] = _KNOWN["ThrottlingException"]
