"""Django's settings. A clone runs with none of the environment variables set.

Every setting that the environment can change is read through one of the three helpers below, and
docs/operations.md lists them all.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

BASE_DIR = Path(__file__).resolve().parent.parent


def text(name: str, default: str) -> str:
    """An environment variable as it is."""
    return os.environ.get(name) or default


def folder(name: str, default: Path | None) -> Path | None:
    """An environment variable as an absolute path, relative ones counted from the checkout."""
    value = os.environ.get(name)
    return (BASE_DIR / Path(value).expanduser()).resolve() if value else default


def flag(name: str) -> bool:
    """An environment variable as yes or no; unset is no."""
    value = os.environ.get(name, "").strip().lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"", "0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name}={value!r} is neither yes nor no; use 1 or 0")


def secret_key(path: Path) -> str:
    """The key in ``path``, made on the first run and readable by the owner alone."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open(path, "x", opener=lambda name, flags: os.open(name, flags, 0o600)) as handle:
            handle.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    return path.read_text().strip()


# Where things lie. Everything that the product writes is below VAR_DIR.
VAR_DIR = folder("VAR_DIR", BASE_DIR / "var") or BASE_DIR
BENCHMARKS_DIR = folder("BENCHMARKS_DIR", VAR_DIR / "benchmarks") or VAR_DIR
OUTPUTS_DIR = folder("OUTPUTS_DIR", VAR_DIR / "outputs") or VAR_DIR
STIMULI_DIR = folder("STIMULI_DIR", VAR_DIR / "stimuli") or VAR_DIR
PERCEPTUAL_WEIGHTS_DIR = folder("PERCEPTUAL_WEIGHTS_DIR", None)
CALIBRATION_DIR = folder("CALIBRATION_DIR", None)

# The address under which people reach the site decides what is secured: with https:// the cookies
# are marked secure, plain http is redirected and browsers are told to remember it.
SITE_URL = text("SITE_URL", "http://127.0.0.1:8000").rstrip("/")
_site = urlsplit(SITE_URL)
if _site.scheme not in {"http", "https"} or not _site.hostname:
    raise ImproperlyConfigured(f"SITE_URL={SITE_URL!r} is no address; use https://host[:port]")

DEBUG = flag("DEBUG")
SECRET_KEY = os.environ.get("SECRET_KEY") or secret_key(VAR_DIR / "secret_key")
ALLOWED_HOSTS = [_site.hostname, *text("ALLOWED_HOSTS", "localhost 127.0.0.1").split()]
CSRF_TRUSTED_ORIGINS = [f"{_site.scheme}://{_site.netloc}"]

HTTPS = _site.scheme == "https"
SECURE_SSL_REDIRECT = HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = HTTPS
SECURE_HSTS_PRELOAD = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if flag("BEHIND_PROXY") else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
SESSION_ENGINE = "study.site.session_store"
# A study takes days: a rater who comes back within three months is still known.
SESSION_COOKIE_AGE = 90 * 24 * 3600
# The CSRF secret lives in the session, so that a rater carries one cookie and no other.
CSRF_USE_SESSIONS = True
# What a page has to tell the next one as well: with Django's default it would be a second cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "study.site.errors.refused_form"
X_FRAME_OPTIONS = "DENY"

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "study.apps.StudyConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "study.site.headers.content_security_policy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "study.urls"
WSGI_APPLICATION = "study.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# SQLite as measured best under concurrent votes: a write transaction takes its lock at the start
# (DEFERRED ones fail when two of them want to write), readers never wait for writers (WAL), and a
# connection lives as long as its worker. No ATOMIC_REQUESTS: it would make every page that only
# reads wait for the writers' lock.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": folder("DATABASE", VAR_DIR / "study.sqlite3"),
        "CONN_MAX_AGE": None,
        "OPTIONS": {
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        },
        # A live server's threads must see what the test wrote: a file, not memory.
        "TEST": {"NAME": VAR_DIR / "test.sqlite3"},
    }
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("MinimumLengthValidator", "CommonPasswordValidator", "NumericPasswordValidator")
]
LOGIN_URL = "login"
LOGIN_REDIRECT_URL = "studies"
LOGOUT_REDIRECT_URL = "home"

# Raters' pages are in these; everything else is in English.
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]
LOCALE_PATHS = [BASE_DIR / "study" / "locale"]
TIME_ZONE = "UTC"
USE_TZ = True

STATIC_URL = "/static/"
STATIC_ROOT = VAR_DIR / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "study.site.static_storage.ManifestStorage"},
}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": "WARNING"},
}
