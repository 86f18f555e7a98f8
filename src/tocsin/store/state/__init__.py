"""The Django app that holds every table of state; nothing outside `store` imports its models.

Importing this package sets Django up, once per process and without a settings file: Django refuses
to load a model before that. Which databases there are is said later, by `store.database`.
"""

import django
from django.conf import settings


def _set_up() -> None:
    """Configure Django, unless the process (a console, later) has done so itself."""
    if settings.configured:
        return
    settings.configure(
        INSTALLED_APPS=["tocsin.store.state"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        TIME_ZONE="UTC",
        LOGGING_CONFIG=None,
    )
    django.setup(set_prefix=False)


_set_up()
