"""docs/dependencies.md names exactly what we ask for, with the licence that the installed version states."""

import json
import re
from importlib.metadata import metadata

import pytest

from tests.architecture.layers import ROOT

ROW = re.compile(r"^\| ([\w@./-]+) \| (.+?) \| (.+?) \| (.+?) \|$", re.MULTILINE)
SECTIONS = {
    "base.in": "requirements/base.in",
    "dev.in": "requirements/dev.in",
    "bootstrap.in": "requirements/bootstrap.in",
}
# What a licence may be called in a package's own words.
WORDS = {
    "BSD-2-Clause": "BSD",
    "BSD-3-Clause": "BSD",
    "MIT": "MIT",
    "MIT-CMU": "MIT",
    "Apache-2.0": "Apache",
    "LGPL-3.0-only": "LGPL",
    "MPL-2.0": "MPL",
}
SILENT = {"resvg-py"}  # states its licence only in its LICENSE file, which is MIT's text
PAGE = (ROOT / "docs" / "dependencies.md").read_text()


def rows(section: str) -> dict[str, str]:
    """Package → licence of the part of the page that names `section` in its heading."""
    (part,) = [part for part in PAGE.split("\n## ") if section in part.split("\n")[0]]
    return {name: licence for name, _use, licence, _other in ROW.findall(part) if name != "package"}


def asked_for(file: str) -> set[str]:
    lines = [line.split("#")[0].strip() for line in (ROOT / file).read_text().splitlines()]
    return {re.split(r"[\[<>=;~ ]", line)[0] for line in lines if line and not line.startswith("-")}


@pytest.mark.parametrize("section", SECTIONS)
def test_python_packages(section: str) -> None:
    assert set(rows(section)) == asked_for(SECTIONS[section])


def test_npm_packages() -> None:
    package = json.loads((ROOT / "package.json").read_text())
    asked = {**package.get("dependencies", {}), **package.get("devDependencies", {})}
    assert set(rows("package.json")) == set(asked)
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    stated = {name: lock[f"node_modules/{name}"].get("license", "") for name in asked}
    assert {name: rows("package.json")[name] for name in asked} == stated


@pytest.mark.parametrize("name", sorted((rows("base.in") | rows("dev.in")).keys() - SILENT))
def test_licences_are_what_the_packages_state(name: str) -> None:
    written = (rows("base.in") | rows("dev.in"))[name]
    about = metadata(name)
    fields = [about["License-Expression"] or "", about["License"] or "", *(about.get_all("Classifier") or [])]
    stated = " ".join(fields)
    assert any(WORDS[part] in stated for part in re.split(" OR | AND ", written) if part in WORDS)


def test_locks_have_hashes_and_no_addresses() -> None:
    for name in ("base", "dev", "bootstrap"):
        text = (ROOT / "requirements" / f"{name}.lock").read_text()
        pinned = re.findall(r"^[\w.-]+(?:\[[\w,]+\])?==", text, re.MULTILINE)
        assert len(pinned) >= 1
        assert text.count("--hash=sha256:") >= len(pinned)
        assert "://" not in text
    assert "resolved" not in (ROOT / "package-lock.json").read_text()


def test_production_runs_what_was_tested() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (ROOT / "requirements" / f"{name}.lock").read_text()
        return dict(re.findall(r"^([\w.-]+)(?:\[[\w,]+\])?==(\S+)", text, re.MULTILINE))

    base, dev = versions("base"), versions("dev")
    assert {name: dev.get(name) for name in base} == base
