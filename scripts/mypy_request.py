"""Tells mypy what our middleware adds to every request: `request.actor`."""

from collections.abc import Callable

from mypy.nodes import MDEF, SymbolTableNode, Var
from mypy.plugin import ClassDefContext, Plugin
from mypy.types import AnyType, TypeOfAny

REQUEST = "django.http.request.HttpRequest"
ACTOR = "qixia.people.access.Actor"


def add_actor(context: ClassDefContext) -> None:
    """An attribute of our class Actor, or of any type as long as that is not analysed yet."""
    known = context.api.named_type_or_none(ACTOR)
    info = context.cls.info
    variable = Var("actor", known or AnyType(TypeOfAny.special_form))
    variable.info = info
    variable._fullname = f"{info.fullname}.actor"
    info.names["actor"] = SymbolTableNode(MDEF, variable, plugin_generated=True)


class RequestPlugin(Plugin):
    """Runs for Django's class of requests only."""

    def get_customize_class_mro_hook(self, fullname: str) -> Callable[[ClassDefContext], None] | None:
        return add_actor if fullname == REQUEST else None


def plugin(_version: str) -> type[Plugin]:
    return RequestPlugin
