"""Settings for pytest: the services' addresses come from tests/services.py through the environment."""

import os

os.environ.setdefault("SECRET_KEY", "only-for-tests")
# For tools that only read the settings (types); nothing answers there.
os.environ.setdefault("DATABASE_URL", "postgresql://nobody@/none?host=/nonexistent")
os.environ.setdefault("REDIS_URL", "unix:///nonexistent/redis.sock")

from ores_cloud.settings.base import *  # noqa: F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
ACCOUNT_RATE_LIMITS = {}
DATABASES["default"]["CONN_MAX_AGE"] = 0  # noqa: F405 - servers in threads leave no session behind in the test database
# Tests come from one address and ask for many tokens; the limit has a test of its own.
THROTTLE_RATES["token"] = "100000/min"  # noqa: F405, S105
