"""Django settings. Every one that an operator sets comes from the environment (see README)."""

import os
import re
import secrets
from pathlib import Path
from urllib.parse import urlsplit

import dj_database_url
from csp.constants import NONCE, NONE, SELF
from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def _text(name: str, default: str = "") -> str:
    return os.environ.get(name, "").strip() or default


def _local_secret(path: Path) -> str:
    """A secret kept in the local state directory, made on first use."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(50))
    return path.read_text().strip()


def _port(name: str, default: int) -> int:
    text = _text(name, str(default))
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 65536):
        raise ImproperlyConfigured(f"{name} is “{text}”: a port is a number from 1 to 65535.")
    return int(text)


LOCAL_DIR = Path(_text("STEPGATE_LOCAL_DIR", str(BASE_DIR / ".local")))
LOCAL_AWS = _text("LOCAL_AWS", "1") != "0"
LOCAL_AWS_PORT = _port("LOCAL_AWS_PORT", 4566)
LOCAL_BROKER_PORT = _port("LOCAL_BROKER_PORT", 6399)
PORT = _port("PORT", 8000)

STEPGATE_INSTANCE = _text("STEPGATE_INSTANCE", "local")
"""Stands in every stack's name and tags, and so in the names of the roles that
CloudFormation makes: any longer, and these would be cut before the instance ends."""
if not re.fullmatch(r"[a-z][a-z0-9-]{0,11}", STEPGATE_INSTANCE):
    raise ImproperlyConfigured(
        f"STEPGATE_INSTANCE is “{STEPGATE_INSTANCE}”: use 1 to 12 of a-z, 0-9 and dashes, "
        "a letter first."
    )
AWS_ENDPOINT_URL = f"http://127.0.0.1:{LOCAL_AWS_PORT}" if LOCAL_AWS else None

STEPGATE_URL = _text("STEPGATE_URL", f"http://127.0.0.1:{PORT}")
_url = urlsplit(STEPGATE_URL)
_https = _url.scheme == "https"

SECRET_KEY = _text("STEPGATE_SECRET_KEY") or _local_secret(LOCAL_DIR / "secret-key")
DEBUG = False
ALLOWED_HOSTS = [_url.hostname or "", "127.0.0.1", "localhost"]
CSRF_TRUSTED_ORIGINS = [f"{_url.scheme}://{_url.netloc}"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "csp",
    "django_htmx",
    "dashboard",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "dashboard.middleware.SignInMiddleware",
    "dashboard.middleware.friendly_405",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "dashboard.urls"
WSGI_APPLICATION = "dashboard.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "dashboard.context.frame",
            ],
            "builtins": ["dashboard.templatetags.stepgate"],
        },
    }
]

DATABASES = {
    "default": dj_database_url.parse(
        _text("DATABASE_URL", f"sqlite:///{LOCAL_DIR / 'stepgate.sqlite3'}"),
        conn_max_age=60,
        conn_health_checks=True,
    )
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # Several processes write: WAL, a busy timeout, and the write lock taken at BEGIN.
    DATABASES["default"]["OPTIONS"] = {
        "timeout": 20,
        "transaction_mode": "IMMEDIATE",
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
    }
# One cache per web process: what AWS answered, for seconds. Never payloads.
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
REDIS_URL = _text("REDIS_URL", f"redis://127.0.0.1:{LOCAL_BROKER_PORT}/0")

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
CSRF_FAILURE_VIEW = "dashboard.views.errors.csrf_failure"
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "trigger_list"
LOGOUT_REDIRECT_URL = "login"

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = False
USE_TZ = True

STATIC_URL = "static/"
STATIC_ROOT = LOCAL_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_USE_FINDERS = False

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "base-uri": [NONE],
        "connect-src": [SELF],
        "font-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "img-src": [SELF, "data:"],
        "script-src": [SELF],
        "style-src": [SELF, NONCE],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = _https
SECURE_REDIRECT_EXEMPT = [r"^healthz$"]  # load balancers ask over plain HTTP
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SILENCED_SYSTEM_CHECKS = ["security.W021"]  # a browser's preload list is for the operator
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _https else None

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(levelname)s %(name)s: %(message)s"}},
    "filters": {
        # /healthz answers 503 while something starts: its caller reads why.
        "but_503": {
            "()": "django.utils.log.CallbackFilter",
            "callback": lambda record: getattr(record, "status_code", 0) != 503,
        }
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["but_503"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
}
