"""Every address and every API operation says who may call it, and keeps its word towards a stranger."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from ninja.operation import PathView

# Addresses that don't declare it, and why.
EXEMPT_FOLDER = {"admin/": "Django's admin guards every page itself: staff only"}
EXEMPT = {
    "api/v1/": "ninja's own name for the root of the API; it shows nothing",
    "api/v1/openapi.json": "the description of the API is public, as docs/openapi.json is",
}
STRANGERS_GET = {301, 302, 401, 403, 404, 405}


@dataclass(frozen=True)
class Address:
    route: str
    name: str
    view: Any


def addresses() -> list[Address]:
    everything = [address for address in walk(get_resolver(), "") if address.route not in EXEMPT]
    return [address for address in everything if not address.route.startswith(tuple(EXEMPT_FOLDER))]


def walk(resolver: URLResolver, before: str) -> Iterator[Address]:
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from walk(entry, route)
        elif isinstance(entry, URLPattern):
            yield Address(route, entry.name or "", entry.callback)


def path_view(view: Any) -> PathView | None:
    """ninja's own object behind an address of the API: its view is a closure over it."""
    held = [cell.cell_contents for cell in getattr(view, "__closure__", None) or ()]
    return next((thing for thing in held if isinstance(thing, PathView)), None)


def operations() -> list[tuple[str, Any]]:
    return [
        (f"{'|'.join(operation.methods)} {address.route}", operation)
        for address in addresses()
        if (found := path_view(address.view)) is not None
        for operation in found.operations
    ]


def test_there_are_addresses_to_walk() -> None:
    assert len(addresses()) > 5


def test_there_are_operations_to_walk() -> None:
    assert len(operations()) > 5


def test_every_page_declares_who_may_call_it() -> None:
    silent = [
        address.route
        for address in addresses()
        if path_view(address.view) is None and not getattr(address.view, "qx_allow", None)
    ]
    assert silent == []


def test_every_operation_declares_who_may_call_it() -> None:
    silent = [label for label, operation in operations() if not getattr(operation.view_func, "qx_allow", None)]
    assert silent == []


def guarded_pages() -> list[Address]:
    return [
        address
        for address in addresses()
        if path_view(address.view) is None and "anyone" not in getattr(address.view, "qx_allow", {"anyone"})
    ]


@pytest.mark.django_db
@pytest.mark.parametrize("address", guarded_pages(), ids=lambda address: address.route)
def test_a_stranger_sees_no_guarded_page(address: Address, client: Client) -> None:
    answer = client.get("/" + filled(address.route))
    assert answer.status_code in STRANGERS_GET


@pytest.mark.django_db
@pytest.mark.parametrize("address", guarded_pages(), ids=lambda address: address.route)
def test_a_stranger_can_send_nothing_to_a_guarded_page(address: Address, client: Client) -> None:
    answer = client.post("/" + filled(address.route), {})
    assert answer.status_code in STRANGERS_GET


def filled(route: str) -> str:
    """The route with something plausible in place of each <converter:name>."""
    parts = route.split("/")
    return "/".join(("1" if "int:" in part else "0" * 26) if part.startswith("<") else part for part in parts)
