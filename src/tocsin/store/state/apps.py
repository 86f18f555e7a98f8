"""How Django knows this app."""

from django.apps import AppConfig


class StateConfig(AppConfig):
    """All tables of Tocsin under one label."""

    name = "tocsin.store.state"
    label = "tocsin"
    default_auto_field = "django.db.models.BigAutoField"
