"""One settings module for every size; what differs comes from the environment (docs/reference/settings.md)."""

import warnings
from pathlib import Path
from typing import Any

import django_stubs_ext
import environ

from ores_cloud.settings.database import database_from_url

django_stubs_ext.monkeypatch()  # lets generic Django classes be written with their type
env = environ.Env()
ROOT = Path(__file__).resolve().parent.parent.parent

SECRET_KEY: str = env("SECRET_KEY")
SECRET_KEY_FALLBACKS: list[str] = env.list("SECRET_KEY_FALLBACKS", default=[])
DEBUG: bool = env.bool("DEBUG", default=False)
ALLOWED_HOSTS: list[str] = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS: list[str] = env.list("CSRF_TRUSTED_ORIGINS", default=[])
SITE_URL: str = env("SITE_URL", default="http://127.0.0.1:8000")

INSTALLED_APPS = [
    "apps.accounts.support_config.SupportConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",  # allauth's pages of passkeys need it
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "oauth2_provider",
    "apps.common",
    "apps.accounts",
    "apps.sites",
    "apps.alerts",
    "apps.telemetry",
    "apps.flexibility",
    "apps.programs",
    "apps.hubs",
    "apps.dispatch",
    "apps.settlement",
    "apps.markets",
    "apps.insights",
    "apps.privacy",
    "apps.openadr",
    "apps.portal",
    "apps.console",
    "apps.ores_api",
    "apps.assistants",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "apps.common.security.ContentSecurityPolicyMiddleware",
    "apps.common.request_ids.RequestIdMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "apps.common.language.LanguageMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]

ROOT_URLCONF = "ores_cloud.urls"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "apps" / "common" / "templates"],  # before allauth's own pages
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "apps.common.context.clock_context",
                "apps.common.context.theme_context",
            ],
        },
    },
]

DATABASES = {"default": database_from_url(env("DATABASE_URL"))}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL: str = env("REDIS_URL")
# One Redis may serve several installations: every key and channel starts with this.
REDIS_PREFIX: str = env("REDIS_PREFIX", default="ores:")
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": REDIS_PREFIX + "cache",
    }
}
SESSION_ENGINE = "django.contrib.sessions.backends.cached_db"

CELERY_APP = "ores_cloud.celery.app"

# --- people ---
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = env("ACCOUNT_EMAIL_VERIFICATION", default="none")
ACCOUNT_ADAPTER = "apps.alerts.adapter.TellingAdapter"
ACCOUNT_RATE_LIMITS: dict[str, str] = {"login": "30/m/ip", "login_failed": "10/m/ip,5/5m/key"}
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes", "webauthn"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "ORES Cloud"
MFA_TOTP_TOLERANCE = 1  # a phone's clock may be half a minute off
# Nobody signs up by themselves: an address is the operator's or an invitation's word already.
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not SITE_URL.startswith("https://")
LOGIN_REDIRECT_URL = "/"
LOGIN_URL = "account_login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
EMAIL_BACKEND = env("EMAIL_BACKEND", default="django.core.mail.backends.console.EmailBackend")
EMAIL_HOST: str = env("EMAIL_HOST", default="localhost")
EMAIL_PORT: int = env.int("EMAIL_PORT", default=25)
EMAIL_HOST_USER: str = env("EMAIL_HOST_USER", default="")
EMAIL_HOST_PASSWORD: str = env("EMAIL_HOST_PASSWORD", default="")
EMAIL_USE_TLS: bool = env.bool("EMAIL_USE_TLS", default=False)
EMAIL_USE_SSL: bool = env.bool("EMAIL_USE_SSL", default=False)
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL: str = env("EMAIL_FROM", default="ORES Cloud <noreply@localhost>")

# --- push messages to browsers: without a key, one is derived from SECRET_KEY ---
WEB_PUSH_PRIVATE_KEY: str = env("WEB_PUSH_PRIVATE_KEY", default="")
WEB_PUSH_CONTACT: str = env("WEB_PUSH_CONTACT", default="mailto:noreply@localhost")

# --- cookies and transport: secure unless the site itself is served over plain HTTP on this machine ---
SECURE: bool = SITE_URL.startswith("https://")
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
if env.bool("BEHIND_TLS_PROXY", default=False):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"

# --- partners ---
OAUTH2_PROVIDER_APPLICATION_MODEL = "accounts.ApiClient"
OAUTH2_PROVIDER = {
    "ACCESS_TOKEN_EXPIRE_SECONDS": 3600,
    "PKCE_REQUIRED": True,  # of apps without a secret: SecretsValidator.is_pkce_required
    "ROTATE_REFRESH_TOKEN": True,
    # A refresh token that comes a second time has been stolen: everything got with it is out.
    "REFRESH_TOKEN_REUSE_PROTECTION": True,
    "REFRESH_TOKEN_EXPIRE_SECONDS": 365 * 86_400,
    "OAUTH2_VALIDATOR_CLASS": "apps.accounts.secrets.SecretsValidator",
    "SCOPES_BACKEND_CLASS": "apps.accounts.scopes.RoleScopes",
    "SCOPES": {
        "read_all": "Read every object of the organization",
        "read_targets": "Read programs and events by target",
        "read_ven_objects": "Read own objects as a VEN",
        "write_programs": "Write programs",
        "write_events": "Write events",
        "write_reports": "Write reports",
        "write_subscriptions": "Write subscriptions",
        "write_vens": "Write VENs and resources",
        "api": "Use the aggregator's REST API",
        "ores_read": "Read homes by the ORES endpoints",
        "ores_control": "Control homes by the ORES endpoints, with the owner's priority",
    },
}

THROTTLE_RATES: dict[str, str] = {
    "tenant": env("RATE_LIMIT_TENANT", default="6000/min"),
    "person": env("RATE_LIMIT_PERSON", default="600/min"),
    "ven": env("RATE_LIMIT_VEN", default="600/min"),
    "device": env("RATE_LIMIT_DEVICE", default="120/min"),
    "token": env("RATE_LIMIT_TOKEN", default="60/min"),
    "device_knock": env("RATE_LIMIT_DEVICE_KNOCK", default="3000/min"),
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["apps.accounts.api.authentication.ApiClientAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["apps.common.parsers.StrictJSONParser"],
    "DEFAULT_THROTTLE_CLASSES": ["apps.common.throttles.TenantRateThrottle"],
    "DEFAULT_THROTTLE_RATES": THROTTLE_RATES,
    "EXCEPTION_HANDLER": "apps.common.api.problem_handler",
    "DEFAULT_SCHEMA_CLASS": "apps.common.rest.schema.Described",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "ORES Cloud",
    "DESCRIPTION": "The REST API for aggregators: everything that the operators' console can do.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "DEFAULT_GENERATOR_CLASS": "apps.common.rest.schema.ApiGenerator",
    "POSTPROCESSING_HOOKS": ["apps.common.rest.schema.budgets_told"],
    "COMPONENT_SPLIT_REQUEST": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "SORT_OPERATIONS": True,
}

# --- language, time, files ---
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("es", "Español")]
CATALOGS = ROOT / "apps" / "portal" / "locale"
LOCALE_PATHS = [CATALOGS]
FORMAT_MODULE_PATH = "apps.common.formats"
# Says a stored English sentence in the reader's language: its phrases are of the room above those that send messages.
SENTENCES = "apps.portal.phrases.say"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_HTTPONLY = True
LANGUAGE_COOKIE_SECURE = SECURE
LANGUAGE_COOKIE_AGE = 31_536_000
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(ROOT / "staticfiles"))
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "apps.common.webfiles.WebFilesFinder",
]
WEB_ROOT = ROOT / ".web"  # where the set-up puts what comes from npm
WHITENOISE_USE_FINDERS = True
warnings.filterwarnings("ignore", message="No directory at")  # until collectstatic
WHITENOISE_AUTOREFRESH = DEBUG

# --- the platform's own clock: see apps.common.clock ---
ORES_CLOCK: str = env("ORES_CLOCK", default="")

# --- OpenADR ---
# Callbacks to addresses of private networks and by plain http: for tests and closed networks only.
OPENADR_ALLOW_PRIVATE_CALLBACKS: bool = env.bool("OPENADR_ALLOW_PRIVATE_CALLBACKS", default=False)
OPENADR_MQTT_URL: str = env("OPENADR_MQTT_URL", default="")
# How long what was sent, and the log of raw messages, is kept.
OPENADR_RETENTION_DAYS: int = env.int("OPENADR_RETENTION_DAYS", default=90)
# What VENs are told to connect to, where that differs from the platform's own way to the broker.
OPENADR_MQTT_PUBLIC_URIS: list[str] = env.list("OPENADR_MQTT_PUBLIC_URIS", default=[])

# --- assistants: who is told of changes; nobody unless there are credentials (docs/reference/assistants.md) ---
# The file of the service account that may tell Google's Home Graph.
GOOGLE_HOMEGRAPH_CREDENTIALS: str = env("GOOGLE_HOMEGRAPH_CREDENTIALS", default="")
GOOGLE_HOMEGRAPH_URL: str = env("GOOGLE_HOMEGRAPH_URL", default="https://homegraph.googleapis.com")
ALEXA_CLIENT_ID: str = env("ALEXA_CLIENT_ID", default="")
ALEXA_CLIENT_SECRET: str = env("ALEXA_CLIENT_SECRET", default="")
ALEXA_TOKEN_URL: str = env("ALEXA_TOKEN_URL", default="https://api.amazon.com/auth/o2/token")
ALEXA_EVENT_URL: str = env("ALEXA_EVENT_URL", default="https://api.amazonalexa.com/v3/events")

# --- markets ---
# Ed25519 seed (32 bytes, base64) that the markets' log is signed with; without one it is derived from SECRET_KEY.
MARKET_SIGNING_KEY: str = env("MARKET_SIGNING_KEY", default="")

# --- telemetry ---
# Into how many parts a large portfolio is split for dispatch, each answered for by another worker.
DISPATCH_SHARDS: int = env.int("DISPATCH_SHARDS", default=1)
TELEMETRY_RETENTION_DAYS: int = env.int("TELEMETRY_RETENTION_DAYS", default=400)
TELEMETRY_FUTURE_TOLERANCE_S: float = env.float("TELEMETRY_FUTURE_TOLERANCE_S", default=120.0)

# --- markets on a chain: off unless there is a URL (docs/reference/market-contract.md) ---
MARKET_CHAIN_URL: str = env("MARKET_CHAIN_URL", default="")
MARKET_CHAIN_ID: int = env.int("MARKET_CHAIN_ID", default=0)
MARKET_CHAIN_CONTRACT: str = env("MARKET_CHAIN_CONTRACT", default="")
MARKET_CHAIN_KEY: str = env("MARKET_CHAIN_KEY", default="")
# Of the chain's coin, smallest unit, for a billionth of the currency: one coin with 18 decimals is one of the currency.
MARKET_CHAIN_UNITS_PER_NANO: int = env.int("MARKET_CHAIN_UNITS_PER_NANO", default=10**9)
# Slug of the tenant whose markets the worker settles on the chain; empty: only market_chain_settle does.
MARKET_CHAIN_ORGANIZATION: str = env("MARKET_CHAIN_ORGANIZATION", default="")
MARKET_CHAIN_TIMEOUT_S: float = env.float("MARKET_CHAIN_TIMEOUT_S", default=120.0)

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": env("LOG_LEVEL", default="INFO")},
}

# The signed repository that hubs update themselves from; empty: there are no updates.
FIRMWARE_REPOSITORY: str = env("FIRMWARE_REPOSITORY", default="")
# Where the keys `snapshot` and `timestamp` lie, so that a task keeps the repository fresh; empty: somebody else does.
FIRMWARE_KEYS: str = env("FIRMWARE_KEYS", default="")
