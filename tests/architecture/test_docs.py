"""Pages in docs/ that are made from the code say what the code says; the decisions are all listed."""

import re

import pytest
from django.core.management import call_command

from qixia.kernel.config import PROJECT_DIR

DOCS = PROJECT_DIR / "docs"


@pytest.mark.parametrize("command", ["settings_doc"])
def test_a_page_made_from_the_code_is_up_to_date(command: str) -> None:
    call_command(command, "--check")


def test_every_decision_is_listed_once() -> None:
    listed = re.findall(r"\]\((\d{4}-[a-z0-9-]+\.md)\)", (DOCS / "adr" / "README.md").read_text())
    assert sorted(listed) == sorted(path.name for path in (DOCS / "adr").glob("0*.md"))
    assert len(listed) == len(set(listed))


def test_links_between_the_pages_lead_somewhere() -> None:
    broken = []
    for page in [
        PROJECT_DIR / "README.md",
        PROJECT_DIR / "CONTRIBUTING.md",
        *DOCS.rglob("*.md"),
        *PROJECT_DIR.glob("qixia/*/README.md"),
    ]:
        for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text() if page.exists() else ""):
            if not (page.parent / target).exists():
                broken.append(f"{page.relative_to(PROJECT_DIR)}: {target}")
    assert broken == []
