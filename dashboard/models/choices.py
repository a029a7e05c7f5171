"""What a trigger's fields may hold: the value that the spec takes, and the word for it."""

from django.db import models


class Method(models.TextChoices):
    GET = "GET", "GET"
    POST = "POST", "POST"
    PUT = "PUT", "PUT"
    PATCH = "PATCH", "PATCH"
    DELETE = "DELETE", "DELETE"
    ANY = "ANY", "ANY"


class MachineType(models.TextChoices):
    STANDARD = "STANDARD", "STANDARD"
    EXPRESS = "EXPRESS", "EXPRESS"


class Authorization(models.TextChoices):
    AWS_IAM = "AWS_IAM", "IAM (SigV4)"
    API_KEY = "API_KEY", "API key"
    COGNITO_USER_POOLS = "COGNITO_USER_POOLS", "Cognito user pool"
    CUSTOM = "CUSTOM", "Lambda authorizer"
    SIGNED = "SIGNED", "Signed webhook"
    NONE = "NONE", "None (public)"


class AuthorizerType(models.TextChoices):
    TOKEN = "TOKEN", "TOKEN"
    REQUEST = "REQUEST", "REQUEST"


class WebhookPreset(models.TextChoices):
    STRIPE = "STRIPE", "Stripe"
    GITHUB = "GITHUB", "GitHub"
    SLACK = "SLACK", "Slack"
    HMAC = "HMAC", "Another (HMAC)"


class WebhookAlgorithm(models.TextChoices):
    SHA1 = "sha1", "SHA-1"
    SHA256 = "sha256", "SHA-256"
    SHA512 = "sha512", "SHA-512"


class WebhookEncoding(models.TextChoices):
    HEX = "hex", "hex"
    BASE64 = "base64", "base64"


class FilterSource(models.TextChoices):
    ALL = "", "Every event"
    HEADER = "HEADER", "Events by header"
    BODY = "BODY", "Events by JSON path"


class InputMode(models.TextChoices):
    BODY = "BODY", "Request body"
    FIXED = "FIXED", "Fixed JSON"
    REQUEST = "REQUEST", "Whole request"
    FIELDS = "FIELDS", "Field mapping"
    VTL = "VTL", "Raw VTL"


class IdempotencySource(models.TextChoices):
    OFF = "", "Each request starts an execution"
    HEADER = "HEADER", "Once per header value"
    BODY = "BODY", "Once per value in the body"


class OnRepeat(models.TextChoices):
    FIRST = "FIRST", "Answer the first one's execution"
    CONFLICT = "CONFLICT", "Answer 409"


class Action(models.TextChoices):
    START = "StartExecution", "At once (StartExecution)"
    START_SYNC = "StartSyncExecution", "When the workflow has ended (StartSyncExecution)"


class ResponseMode(models.TextChoices):
    EXECUTION = "EXECUTION", "Execution"
    OUTPUT = "OUTPUT", "Output"
    FIXED = "FIXED", "Fixed JSON"
    EMPTY = "EMPTY", "Empty"
    TEMPLATE = "TEMPLATE", "Mapping template"


class ResponseType(models.TextChoices):
    STRING = "STRING", "String"
    NUMBER = "NUMBER", "Number"
    BOOLEAN = "BOOLEAN", "true or false"
