"""Django's settings. A clone runs with none of the environment variables set.

Every setting that the environment can change is read through the helpers of
``study.site.environment``, and docs/operations.md lists them all.
"""

from __future__ import annotations

import os
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

from study.site import private
from study.site.environment import ROOT as BASE_DIR
from study.site.environment import (
    file,
    flag,
    folder,
    mail_address,
    mail_server,
    number,
    site,
    text,
)

private.from_now_on()

# Where things lie. Everything that the product writes is below VAR_DIR.
VAR_DIR = folder("VAR_DIR", BASE_DIR / "var") or BASE_DIR
BENCHMARKS_DIR = folder("BENCHMARKS_DIR", VAR_DIR / "benchmarks") or VAR_DIR
METHODS_DIR = folder("METHODS_DIR", VAR_DIR / "methods") or VAR_DIR
OUTPUTS_DIR = folder("OUTPUTS_DIR", VAR_DIR / "outputs") or VAR_DIR
STIMULI_DIR = folder("STIMULI_DIR", VAR_DIR / "stimuli") or VAR_DIR
# The networks by which LPIPS and DISTS look at images, and whether they are fetched where missing.
PERCEPTUAL_WEIGHTS_DIR = folder("PERCEPTUAL_WEIGHTS_DIR", VAR_DIR / "perceptual") or VAR_DIR
FETCH_WEIGHTS = flag("FETCH_WEIGHTS", True)
CALIBRATION_DIR = folder("CALIBRATION_DIR", None)
# Where else a study may name a folder of calibration images; what people name in a browser lies
# below these or nowhere.
CALIBRATION_ROOTS = [
    (BASE_DIR / Path(each).expanduser()).resolve()
    for each in text("CALIBRATION_ROOTS", "").split(os.pathsep)
    if each.strip()
]
private.home(VAR_DIR)
DATABASE = file("DATABASE", VAR_DIR / "study.sqlite3")
private.mend(VAR_DIR, DATABASE)

# The address under which people reach the site decides what is secured: with https:// the cookies
# are marked secure, plain http is redirected and browsers are told to remember it.
_site = site("SITE_URL", text("SITE_URL", "http://127.0.0.1:8000"))
SITE_URL = _site.url

DEBUG = flag("DEBUG")
SECRET_KEY = os.environ.get("SECRET_KEY") or private.secret_key(VAR_DIR / "secret_key")
ALLOWED_HOSTS = [_site.host, *text("ALLOWED_HOSTS", "localhost 127.0.0.1").split()]
CSRF_TRUSTED_ORIGINS = [SITE_URL]

HTTPS = _site.scheme == "https"
SECURE_SSL_REDIRECT = HTTPS
SECURE_SSL_HOST = _site.netloc
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0
# These two speak for the other sites of a domain, which whoever sets this one up may not know of:
# the checks of Django that ask for them are silenced, and who can answer for the domain turns
# them on.
SECURE_HSTS_INCLUDE_SUBDOMAINS = flag("HSTS_INCLUDE_SUBDOMAINS")
SECURE_HSTS_PRELOAD = flag("HSTS_PRELOAD")
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
# Whether the headers by which a proxy tells of its client are believed.
BEHIND_PROXY = flag("BEHIND_PROXY")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SECURE_REFERRER_POLICY = "same-origin"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = HTTPS
# Under a name that begins so, browsers take a cookie from this very host alone, by HTTPS alone.
SESSION_COOKIE_NAME = "__Host-sessionid" if HTTPS else "sessionid"
SESSION_ENGINE = "study.site.session_store"
# A study takes days: a rater who comes back within three months is still known.
SESSION_COOKIE_AGE = 90 * 24 * 3600
# Who signed in is signed out after so many hours without a request, and after a month anyway.
STAFF_IDLE_HOURS = number("STAFF_IDLE_HOURS", 12, least=1, most=168)
STAFF_DAYS = 30
# The CSRF secret lives in the session, so that a rater carries one cookie and no other.
CSRF_USE_SESSIONS = True
# What a page has to tell the next one as well: with Django's default it would be a second cookie.
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CSRF_FAILURE_VIEW = "study.site.errors.refused_form"
X_FRAME_OPTIONS = "DENY"

# Mail goes by the server that is named here, or not at all: Django's default would try this very
# machine. The backend is named where mail is sent; what else might send any cannot.
_mail = mail_server("MAIL_URL", text("MAIL_URL", ""))
MAIL = _mail is not None
MAIL_FROM = mail_address("MAIL_FROM", text("MAIL_FROM", ""))
if bool(MAIL_FROM) != MAIL:
    raise ImproperlyConfigured(
        "MAIL_URL and MAIL_FROM go together: the server that takes mail, and the address that it "
        "comes from; set both or neither"
    )
EMAIL_BACKEND = "django.core.mail.backends.dummy.EmailBackend"
EMAIL_HOST, EMAIL_PORT = (_mail.host, _mail.port) if _mail else ("", 0)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = (_mail.user, _mail.password) if _mail else ("", "")
EMAIL_USE_TLS = _mail is not None and _mail.scheme == "smtp"
EMAIL_USE_SSL = _mail is not None and _mail.scheme == "smtps"
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = SERVER_EMAIL = MAIL_FROM
# For how long the link works by which a forgotten password is set anew.
PASSWORD_RESET_TIMEOUT = 2 * 3600

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_tasks",
    "django_tasks_db",
    "study.apps.StudyConfig",
]
MIDDLEWARE = [
    "study.site.faults.use_no_faulty_connection_again",
    "study.site.headers.keep_nothing",
    "study.site.headers.content_security_policy",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "study.site.legible.refuse_illegible",
    "study.desk.advice.speak_of_pages",
    "study.site.idle.sign_out_idle",
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
                "study.desk.jobs.in_header",
            ],
        },
    }
]

# SQLite as measured best under concurrent votes: a write transaction takes its lock at the start
# (DEFERRED ones fail when two of them want to write), readers never wait for writers (WAL), and a
# connection lives as long as its thread, unless it met an error. No ATOMIC_REQUESTS: it would make
# every page that only reads wait for the writers' lock.
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": DATABASE,
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
# Whether `manage.py serve` starts a worker beside the server, for work that takes long.
WORKER = flag("WORKER", True)
# What rings for the worker; what there is to do is in rows of our own.
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
# Bytes that may be sent with a request. The server refuses more before it takes any of it.
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024
# Where files may be sent they are more: how many GB an upload has at the most, in how many files.
UPLOAD_LIMIT_GB = number("UPLOAD_LIMIT_GB", 4, least=1, most=1000)
DATA_UPLOAD_MAX_NUMBER_FILES = 20_000
# Fields of one form: a study of many sets is chosen image by image.
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# OWASP's ASVS 5.0 (6.2.1) asks for 8 characters at least and recommends 15; with nothing but a
# password between the door and the results, the recommendation it is: a few words.
_validation = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_validation}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_validation}.MinimumLengthValidator", "OPTIONS": {"min_length": 15}},
    {"NAME": f"{_validation}.CommonPasswordValidator"},
    {"NAME": f"{_validation}.NumericPasswordValidator"},
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
    "filters": {"one_line": {"()": "study.site.faults.OneLine"}},
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["one_line"],
        }
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
}
