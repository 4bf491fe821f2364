"""In which form an answer is wanted: a page, an htmx fragment, or JSON for programs."""

from __future__ import annotations

from django.http import HttpRequest


def wants_json(request: HttpRequest) -> bool:
    """The API, and whoever asks for JSON and not for a page."""
    if request.path.startswith("/api/"):
        return True
    accept = request.headers.get("Accept", "")
    return "json" in accept and "text/html" not in accept


def wants_fragment(request: HttpRequest) -> bool:
    """htmx asks for a piece of the page that is open (a boosted link or a restored page is a whole one)."""
    headers = request.headers
    return (
        headers.get("HX-Request") == "true"
        and headers.get("HX-Boosted") != "true"
        and headers.get("HX-History-Restore-Request") != "true"
    )
