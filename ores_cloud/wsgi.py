"""Django alone, for deployments that serve the web and the link apart."""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "ores_cloud.settings.base")

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
