"""Rules about the text of the tree itself."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

from tests.architecture.layers import PACKAGE, ROOT, python_files

LONGEST_FUNCTION = 60
# Put together here, so that this file does not hold them itself.
FORBIDDEN = {
    "/".join(("", "work", "main")): "a path of one machine",
    "/".join(("", "work", "shared")): "a path of one machine",
    "/".join(("", "tmp", "qx")): "a path of one machine",
    "/".join(("", "root", "")): "a path of one machine",
    "/".join(("", "home", "")): "a path of one machine",
    ".".join(("pypi", "org")): "a registry's address",
    ".".join(("files", "pythonhosted")): "a registry's address",
    ".".join(("registry", "npmjs")): "a registry's address",
    ".".join(("deb", "debian")): "a registry's address",
}
NO_TEXT = {".png", ".jpg", ".jpeg", ".webp", ".heic", ".gif", ".ico", ".woff2", ".mo", ".gz", ".onnx", ".npz", ".bin"}
SELF_EVIDENT = {"__init__.py", "apps.py", "admin.py", "urls.py"}
TEMPLATES = sorted(PACKAGE.glob("*/templates/**/*.html"))


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    paths = (ROOT / name for name in listed.stdout.splitlines())
    return [path for path in paths if path.is_file() and path.suffix not in NO_TEXT]


def test_nothing_names_a_machine_or_a_registry() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {word} ({reason})"
        for path in tracked()
        for word, reason in FORBIDDEN.items()
        if word in path.read_text(errors="replace")
    ]
    assert found == []


def test_functions_are_short() -> None:
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno} {node.name}: {node.end_lineno - node.lineno + 1} lines"
        for path in [*python_files(), *(ROOT / "scripts").glob("*.py")]
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno is not None
        and node.end_lineno - node.lineno >= LONGEST_FUNCTION
    ]
    assert long == []


def test_every_module_says_what_it_is() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if path.name not in SELF_EVIDENT and path.read_text().strip()
        if ast.get_docstring(ast.parse(path.read_text())) is None
    ]
    assert silent == []


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_templates_hold_no_inline_code(template: Path) -> None:
    """The content security policy would block it in the browser."""
    text = re.sub(r"{#.*?#}|{% comment %}.*?{% endcomment %}", "", template.read_text(), flags=re.DOTALL)
    wrong = re.findall(r"""\sstyle=["']|<style\b|\son[a-z]+=["']|javascript:""", text)
    wrong += [
        tag for tag in re.findall(r"<script\b[^>]*>", text) if "src=" not in tag and "application/json" not in tag
    ]
    assert wrong == []


def test_no_signals() -> None:
    """Business flow that hangs on a signal can't be read from the service that starts it."""
    users = [
        str(path.relative_to(ROOT))
        for path in python_files()
        if re.search(
            r"from django\.(db\.models|dispatch|core)\S* import .*\b(receiver|post_save|pre_save|Signal)\b",
            path.read_text(),
        )
    ]
    assert users == []


def test_no_rooms_without_a_subject() -> None:
    nameless = [path for path in PACKAGE.rglob("*") if path.stem in ("utils", "helpers", "common", "misc")]
    assert [str(path.relative_to(ROOT)) for path in nameless if "__pycache__" not in path.parts] == []
