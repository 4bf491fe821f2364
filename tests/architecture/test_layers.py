"""What an import linter can't see: foreign keys, templates, and lists of layers that must say the same."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db.models import Field

from tests.architecture.layers import HEIGHT, PACKAGE, ROOT, contracts, existing, levels, may_use, owner, python_files

TAG = re.compile(r"{%-?\s*(extends|include|load)\s+([^%]+?)\s*-?%}")
TEMPLATES = sorted(PACKAGE.glob("*/templates/**/*.html"))
PACKAGE_PATTERN = re.compile(r"(?:^|  )(\w+)/(?=\s)", re.MULTILINE)


def relations() -> Iterator[tuple[str, "Field[object, object]"]]:
    for model in apps.get_models(include_auto_created=False):
        label = model._meta.app_label
        if model.__module__.startswith("qixia."):
            for field in [*model._meta.local_fields, *model._meta.local_many_to_many]:
                if field.remote_field is not None:
                    yield label, field


def test_there_are_relations_to_walk() -> None:
    assert len(list(relations())) > 5


def test_foreign_keys_point_downwards() -> None:
    wrong = [
        f"{field} → {field.related_model._meta.label}"
        for label, field in relations()
        if field.related_model._meta.app_label in HEIGHT and not may_use(label, field.related_model._meta.app_label)
    ]
    assert wrong == []


def test_foreign_keys_across_packages_leave_no_name_behind() -> None:
    """Else the lower package's objects get an attribute that leads upwards."""
    wrong = [
        f'{field} needs related_name="+"'
        for label, field in relations()
        if field.related_model._meta.app_label not in (label, "auth") and not field.remote_field.hidden
    ]
    assert wrong == []


def test_history_has_no_foreign_keys() -> None:
    """A subject may go, its history stays; a person's erasure must not need to touch it."""
    assert [str(field) for label, field in relations() if label == "audit"] == []


def test_there_are_templates_to_walk() -> None:
    assert len(TEMPLATES) > 5


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_templates_use_only_what_lies_below(template: Path) -> None:
    wrong = [
        f"{verb} {name}"
        for verb, argument in TAG.findall(template.read_text())
        for name in wanted(verb, argument)
        if (used := home(verb, name)) is not None and not may_use(owner(template), used)
    ]
    assert wrong == []


def wanted(verb: str, argument: str) -> list[str]:
    if verb == "load":
        words = argument.split(" from ")[-1].split() if " from " in argument else argument.split()
        return list(words)
    return [name for _quote, name in re.findall(r"(['\"])([^'\"]+\.html)\1", argument.split(" with ")[0])]


def home(verb: str, name: str) -> str | None:
    """The package that a template or a tag library comes from; None: not ours. A name that leads nowhere is an error."""
    if verb == "load":
        found = list(PACKAGE.glob(f"*/templatetags/{name}.py"))
        return owner(found[0]) if found else None
    found = list(PACKAGE.glob(f"*/templates/{name}"))
    assert found or not is_ours(name), f"there is no template {name}"
    return owner(found[0]) if found else None


def is_ours(name: str) -> bool:
    return name.split("/")[0] in HEIGHT


def test_code_names_only_templates_that_lie_below() -> None:
    wrong = []
    for path in python_files():
        for name in literals(path):
            if re.fullmatch(r"[\w/-]+\.html", name) and is_ours(name):
                used = home("include", name)
                if used is not None and not may_use(owner(path), used):
                    wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert wrong == []


def literals(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


class TestTheListsAgree:
    def test_every_folder_is_a_layer(self) -> None:
        folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
        assert folders == set(existing())

    def test_installed_apps_stand_in_the_order_of_layers(self) -> None:
        ours = [name.split(".")[1] for name in settings.INSTALLED_APPS if name.startswith("qixia.")]
        assert ours == sorted(ours, key=lambda name: -HEIGHT[name])

    def test_what_exists_is_not_called_planned(self) -> None:
        lines = " ".join(contracts()["layers"]["layers"])
        planned = set(re.findall(r"\((\w+)\)", lines))
        assert planned & set(existing()) == set()

    def test_every_package_with_tables_protects_them(self) -> None:
        with_tables = [name for name in existing() if (PACKAGE / name / "models.py").exists()]
        with_tables += [name for name in existing() if (PACKAGE / name / "models" / "__init__.py").exists()]
        missing = [name for name in with_tables if f"own-models-{name}" not in contracts()]
        assert missing == []

    def test_every_package_with_services_keeps_its_drawers(self) -> None:
        named = {name.removeprefix("qixia.") for name in contracts()["drawers"]["containers"]}
        with_services = {path.relative_to(PACKAGE).parts[0] for path in PACKAGE.glob("*/services*")}
        assert with_services - named == set()

    def test_the_architecture_page_draws_the_same_layers(self) -> None:
        page = (ROOT / "docs" / "architecture.md").read_text()
        drawn = [name for name in PACKAGE_PATTERN.findall(page) if name in HEIGHT]
        expected = [name for level in levels() for name in level]
        missing = set(expected) - set(drawn)
        assert missing == set()
        assert [HEIGHT[name] for name in drawn] == sorted((HEIGHT[name] for name in drawn), reverse=True)
