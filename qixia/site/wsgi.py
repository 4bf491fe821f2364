"""The WSGI application. The URL tree is loaded here, so the first request doesn't pay for it."""

import os

from django.core.wsgi import get_wsgi_application
from django.urls import get_resolver

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "qixia.site.settings")
application = get_wsgi_application()
get_resolver().url_patterns  # noqa: B018

from qixia.site.installation import refuse_demo  # noqa: E402 — models can be loaded only now

refuse_demo()
