"""The admin pages of the reference data."""

from types import SimpleNamespace

import pytest
from django.contrib.admin import site
from django.http import HttpRequest

from qixia.audit.models import AuditEvent
from qixia.codes import queries
from qixia.codes.models import Division, StandardCode, TriageClass
from qixia.codes.services import load_reference

pytestmark = pytest.mark.django_db


def test_an_edit_in_the_admin_goes_through_the_service() -> None:
    load_reference()
    request = HttpRequest()
    request.actor = SimpleNamespace(ref="person:abc")  # type: ignore[attr-defined, assignment]
    page = site.get_model_admin(TriageClass)
    row = TriageClass.objects.get(slug="lift")
    form_class = page.get_form(request, row, change=True)
    values = {name: getattr(row, name) for name in form_class.base_fields}
    form = form_class({**values, "default_unit": "特检"}, instance=row)
    assert form.is_valid(), form.errors
    page.save_model(request, form.save(commit=False), form, change=True)
    assert queries.triage_classes()["lift"].default_unit == "特检"
    event = AuditEvent.objects.get(action="codes.class_edited")
    assert event.actor == "person:abc"
    assert event.data["changes"] == {"default_unit": ["物业", "特检"]}


@pytest.mark.parametrize("model", [Division, StandardCode, TriageClass])
def test_nothing_is_added_or_deleted_by_hand(model: type) -> None:
    page = site.get_model_admin(model)
    assert not page.has_add_permission(HttpRequest())
    assert not page.has_delete_permission(HttpRequest())


@pytest.mark.parametrize("model", [Division, StandardCode])
def test_codes_and_divisions_are_only_shown(model: type) -> None:
    assert not site.get_model_admin(model).has_change_permission(HttpRequest())
