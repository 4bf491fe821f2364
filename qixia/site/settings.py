"""Django's settings, derived from the one typed object in qixia.kernel.config. Read that, not this, to configure."""

from __future__ import annotations

import gc
import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from csp.constants import NONE, SELF
from django.utils.translation import gettext_lazy as _

from qixia.kernel.config import PROJECT_DIR, get_config
from qixia.kernel.keys import keys

# A start makes a million objects that stay. Looked through for garbage again and again, they took a fifth of its time.
gc.set_threshold(50_000, 20, 20)
config = get_config()

BASE_DIR = PROJECT_DIR
DEBUG = config.debug and config.mode == "development"
# A missing master key stops the start here, before anything is served.
SECRET_KEY = keys().lasting("django-secret-key").hex()  # outlives rotations, so sessions do too
ALLOWED_HOSTS = config.allowed_hosts

# Top of the layers first; templates and static files are found in this order.
_APPS = [
    "qixia.lab",
    "qixia.demo",
    "qixia.site",
    "qixia.merchants",
    "qixia.gifts",
    "qixia.reports",
    "qixia.offers",
    "qixia.rewards",
    "qixia.triage",
    "qixia.notices",
    "qixia.places",
    "qixia.people",
    "qixia.codes",
    "qixia.media",
    "qixia.jobs",
    "qixia.outgoing",
    "qixia.policy",
    "qixia.audit",
    "qixia.ui",
]
INSTALLED_APPS = [
    *_APPS,
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "csp",
]
AUTH_USER_MODEL = "people.Person"

MIDDLEWARE = [
    "qixia.site.ops.requests.MeasureMiddleware",
    "qixia.site.logs.RequestLogMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "qixia.site.csp.MapTilesMiddleware",
    "qixia.ui.middleware.LanguageMiddleware",  # the person's choice only: Chinese unless English was chosen
    "qixia.ui.middleware.PrivateMiddleware",
    "qixia.ui.middleware.ErrorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "qixia.people.middleware.ActorMiddleware",  # sets request.user and request.actor
    "django.contrib.messages.middleware.MessageMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "qixia.site.urls"
WSGI_APPLICATION = "qixia.site.wsgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "qixia.ui.context.ui",
            ],
        },
    }
]


def _database(url: str) -> dict[str, Any]:
    """Django's settings for a sqlite:/// or postgresql:// address."""
    parts = urlsplit(url)
    # Parallel test runs on one machine never share a database.
    own = config.test_db_suffix or str(os.getpid())
    if parts.scheme == "sqlite":
        path = Path(unquote(parts.path[1:]) if parts.path.startswith("//") else unquote(parts.path))
        return {
            "ENGINE": "django.db.backends.sqlite3",
            "NAME": path,
            "OPTIONS": {
                # IMMEDIATE: a transaction that will write takes the lock at its start, so it waits instead of failing.
                "transaction_mode": "IMMEDIATE",
                "timeout": 20,
                "init_command": f"PRAGMA journal_mode=WAL; PRAGMA synchronous={config.database_synchronous};"
                " PRAGMA foreign_keys=ON; PRAGMA cache_size=-32000;",
            },
            "TEST": {
                "NAME": f"/dev/shm/qixia-test-{own}.sqlite3" if Path("/dev/shm").is_dir() else f"test-{own}.sqlite3"
            },
        }
    if parts.scheme in ("postgres", "postgresql"):
        return {
            "ENGINE": "qixia.site.postgresql",
            "NAME": parts.path[1:],
            "USER": unquote(parts.username or ""),
            "PASSWORD": unquote(parts.password or ""),
            "HOST": parts.hostname or "",
            "PORT": parts.port or "",
            "CONN_MAX_AGE": 600,
            "CONN_HEALTH_CHECKS": True,
            "OPTIONS": {"application_name": "qixia"},
            "TEST": {"NAME": f"test_qixia_{own}"},
        }
    raise ValueError("QIXIA_DATABASE_URL must start with sqlite:/// or postgresql://")


DATABASES = {"default": _database(config.database)}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "zh-hans"
LANGUAGES = [("zh-hans", _("简体中文")), ("en", _("English"))]
LOCALE_PATHS = [PROJECT_DIR / "qixia" / "locale"]
TIME_ZONE = "Asia/Shanghai"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = config.static
STATICFILES_DIRS = [config.assets_dir] if config.assets_dir.is_dir() else []
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "qixia.site.storage.HashedStaticFiles"},
}
WHITENOISE_MAX_AGE = 60
MEDIA_ROOT = config.media
FILE_UPLOAD_HANDLERS = ["qixia.media.uploads.SealingUploadHandler"]  # no photo touches a disk as it is
FILE_UPLOAD_MAX_MEMORY_SIZE = 512 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 200
DATA_UPLOAD_MAX_NUMBER_FILES = 20

AUTHENTICATION_BACKENDS = ["qixia.people.sessions.SessionBackend"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
LOGIN_URL = "sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
SESSION_COOKIE_AGE = config.session_days * 86400
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = config.tls
CSRF_FAILURE_VIEW = "qixia.ui.errors.csrf_failure"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if config.tls and config.mode == "production" else 0
X_FRAME_OPTIONS = "DENY"
if config.trusted_proxy:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "script-src": [SELF],
        "style-src": [SELF],
        "img-src": [SELF, "data:", "blob:"],
        "media-src": [SELF, "blob:"],
        "connect-src": [SELF],
        "worker-src": [SELF],
        "manifest-src": [SELF],
        "font-src": [SELF],
        "object-src": [NONE],
        "base-uri": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
    }
}

SILENCED_SYSTEM_CHECKS = [
    "admin.E408",  # qixia.people's own middleware sets request.user, with fewer queries
    # qixia.site.checks says these for an installation as a whole:
    "security.W002",  # frame-ancestors in the CSP says it
    "security.W004",
    "security.W008",
    "security.W012",
    "security.W016",
]
LOGGING_CONFIG = "qixia.site.logs.configure"
LOGGING = {"level": config.log_level}  # Django calls the above only if there is something here
