"""The English catalogue: collect what the code and the templates say, and compile it. Needs Babel, not gettext.

    python scripts/messages.py compile    *.po → *.mo (part of `make setup`)
    python scripts/messages.py update     write new texts into the catalogue, drop what nobody says any more

Texts are Chinese in the source. Three kinds are collected: what `_()`, `{% translate %}` and their kin mark; texts of
refusals, which stand unmarked in classes and `raise` because the kernel knows no Django; and tables of plain words
that are translated where they are shown (`TABLES` below). The style guide shows samples and stays Chinese.
"""

import argparse
import ast
import csv
import os
import re
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "qixia"
ENGLISH = PACKAGE / "locale" / "en" / "LC_MESSAGES" / "django.po"
CJK = re.compile("[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]")
PLACE = re.compile(r"%\(\w+\)[sd]")

MARKS = {"_", "gettext", "gettext_lazy", "gettext_noop", "translate"}
PLURAL_MARKS = {"ngettext", "ngettext_lazy"}
# Calls whose plain words are shown, and translated there.
SHOWN_BY = {
    "Item": ("label", "section"),
    "Kind": ("title",),
    "publish": ("note",),
    "RuleVersion": ("note",),
    "Hold": ("reason", "until"),
    "Fault": ("text",),
    "_fail": ("text",),
}
# module → names of the tables whose words are shown; "*" for every text of the module
TABLES = {
    "audit/rules.py": {"KINDS", "BASES"},
    "codes/rules.py": {"LEVEL_NAMES", "SEVERITY_LABELS", "PART", "MATTER", "EVENT_2013"},
    "demo/load.py": {"SAYS"},
    "jobs/retention.py": {"*"},
    "gifts/errors.py": {"REFUSALS"},
    "gifts/rules/papers.py": {"COLUMNS"},
    "gifts/services/handing.py": {"_BAD_CODE"},
    "gifts/states.py": {"*"},
    "gifts/web/public.py": {"_COLUMNS"},
    "merchants/states.py": {"*"},
    "people/retention.py": {"*"},
    "people/rules.py": {"ROLE_LABELS", "ORGANISATION_KINDS"},
    "people/services/own_data.py": {"_WRONG"},
    "places/rules.py": {"KINDS", "ROAD_KINDS"},
    "reports/queries/aftermath.py": {"_APPEALED"},
    "reports/queries/measures.py": {"RESULTS"},
    "reports/queries/undertakings.py": {"LABELS"},
    "reports/rules.py": {"SPANS"},
    "reports/states.py": {"*"},
    "rewards/offline.py": {"LABELS", "REASONS"},
    "rewards/queries/budgets.py": {"FINDINGS"},
    "rewards/queries/phones.py": {"WORDS"},
    "rewards/queries/reasons.py": {"_SAID"},
    "rewards/queries/statements.py": {"BORNE"},
    "rewards/queries/till.py": {"_BORNE", "REFUSALS"},
    "rewards/queries/why.py": {"CAPS"},
    "rewards/rules.py": {"ACTS", "WHO"},
    "rewards/services/redemption/offline.py": {"WHY"},
    "rewards/services/redemption/taking.py": {"NOT_A_VOUCHER"},
    "rewards/settling.py": {"LABELS", "DISPUTE_LABELS", "LINE_LABELS"},
    "rewards/states.py": {"*"},
    "site/home.py": {"GREETINGS", "WEEKDAYS"},
    "site/mydata/kept.py": {"CONSENT", "SERVICE", "DUTY"},
    "site/privacy/history.py": {"ACTIONS"},
    "ui/nav.py": {"*"},
}
# Words that ship as data and are shown beside the pages' own: columns of lists, keys of rules.
LISTS = {"codes/data/triage-classes.csv": "family"}
RULES = {
    "gifts/seeds/sharing.yaml": {"title"},
    "merchants/seeds/agreement.yaml": {"title", "paragraphs"},
    "merchants/seeds/kinds.yaml": {"title"},
    "merchants/seeds/life_list.yaml": {"title", "words"},
    "rewards/data/holds.yaml": {"title"},
    "rewards/data/points.yaml": {"title", "note"},
    "reports/seeds/decisions.yaml": {"*"},
}
LEFT_OUT = ("/tests/", "/migrations/", "/management/", "/ui/web/samples.py", "/ui/style/", "/ui/styleguide", "/lab/")

Key = tuple[str | None, str, str | None]  # context, text, plural


@dataclass
class Found:
    """Texts with the files that say them."""

    texts: dict[Key, set[str]] = field(default_factory=dict)

    def add(self, path: str, text: str, plural: str | None = None, context: str | None = None) -> None:
        if text:
            self.texts.setdefault((context, text, plural), set()).add(path)


def collect() -> Found:
    found = Found()
    modules = {path: ast.parse(path.read_text(encoding="utf-8")) for path in _files("**/*.py")}
    refusals = _subclasses_of("DomainError", modules.values())
    for path, tree in modules.items():
        name = path.relative_to(PACKAGE).as_posix()
        _from_calls(found, name, tree, refusals)
        _from_classes(found, name, tree)
        _from_tables(found, name, tree)
    for path in _files("*/templates/**/*"):
        _from_template(found, path)
    for name, column in LISTS.items():
        with (PACKAGE / name).open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                found.add(name, row[column])
    for name, keys in RULES.items():
        _from_rules(found, name, yaml.safe_load((PACKAGE / name).read_text(encoding="utf-8")), keys)
    _join_plurals(found)
    return found


def _join_plurals(found: Found) -> None:
    """A text said with a plural and without has one entry: a catalogue knows a text once."""
    for context, text, plural in list(found.texts):
        if plural is not None and (plain := found.texts.pop((context, text, None), None)):
            found.texts[context, text, plural] |= plain


def _files(pattern: str) -> list[Path]:
    paths = sorted(path for path in PACKAGE.glob(pattern) if path.is_file())
    return [path for path in paths if not any(part in path.as_posix() for part in LEFT_OUT)]


def _subclasses_of(name: str, trees: Iterable[ast.Module]) -> set[str]:
    """Names of all classes that descend from `name`, over the whole package."""
    bases: dict[str, set[str]] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                bases.setdefault(node.name, set()).update(_name(base) for base in node.bases)
    family = {name}
    while more := {child for child, parents in bases.items() if parents & family} - family:
        family |= more
    return family


def _from_calls(found: Found, path: str, tree: ast.Module, refusals: set[str]) -> None:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name, first = _name(node.func), _texts(node.args[:1])
        if name in MARKS and first:
            found.add(path, first[0])
        elif name in PLURAL_MARKS and len(_texts(node.args[:2])) == 2:
            found.add(path, first[0], _texts(node.args[:2])[1])
        elif name == "pgettext" and len(_texts(node.args[:2])) == 2:
            found.add(path, _texts(node.args[:2])[1], context=first[0])
        elif name in refusals:
            for text in filter(CJK.search, _texts(node.args)):
                found.add(path, text)
        elif name in SHOWN_BY:
            words = _texts(node.args) + _texts([k.value for k in node.keywords if k.arg in SHOWN_BY[name]])
            for text in filter(CJK.search, words):
                found.add(path, text)


def _from_classes(found: Found, path: str, tree: ast.Module) -> None:
    """`message = "…"` of the refusals."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            for line in node.body:
                if isinstance(line, ast.Assign | ast.AnnAssign) and "message" in _targets(line) and line.value:
                    for text in _texts([line.value]):
                        found.add(path, text)


def _from_tables(found: Found, path: str, tree: ast.Module) -> None:
    wanted = TABLES.get(path, set())
    for line in tree.body:
        if "*" in wanted:
            is_wanted = not (isinstance(line, ast.Expr) and isinstance(line.value, ast.Constant))
        else:
            is_wanted = isinstance(line, ast.Assign | ast.AnnAssign) and bool(_targets(line) & wanted)
        for node in ast.walk(line) if is_wanted else ():
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and CJK.search(node.value):
                found.add(path, node.value)
                if path == "reports/states.py" and "你" in node.value:
                    found.add(path, node.value.replace("你", "骑手"))  # the same line as staff read it


def _from_rules(found: Found, path: str, data: object, keys: set[str]) -> None:
    for one in data if isinstance(data, list) else ():
        _from_rules(found, path, one, keys)
    for key, value in data.items() if isinstance(data, dict) else ():
        if key in keys or ("*" in keys and isinstance(value, str)):
            for text in value if isinstance(value, list) else [value]:
                found.add(path, str(text))
        _from_rules(found, path, value, keys)


def _from_template(found: Found, path: Path) -> None:
    """Django writes a template's marked texts down as Python calls; those are read like any others."""
    from django.utils.translation.template import templatize  # noqa: PLC0415  (needs settings, see `main`)

    name = path.relative_to(PACKAGE).as_posix()
    for call in _CALL.finditer(templatize(path.read_text(encoding="utf-8"))):
        node = ast.parse(call[0].strip(), mode="eval").body
        assert isinstance(node, ast.Call)
        texts = _texts(node.args)
        kind = _name(node.func)
        if kind == "pgettext":
            found.add(name, texts[1], context=texts[0])
        elif kind == "ngettext":
            found.add(name, texts[0], texts[1])
        else:
            found.add(name, texts[0])


_STRING = r"""u?(?:'(?:[^'\\\n]|\\.)*'|"(?:[^"\\\n]|\\.)*")"""
_CALL = re.compile(
    rf"(?<![\w.])(?:_|gettext)\({_STRING}\)|(?<!\w)(?:ngettext|pgettext)\({_STRING},\s*{_STRING}(?:,\s*\w+)?\)"
)


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _texts(nodes: list[ast.expr]) -> list[str]:
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def _targets(line: ast.Assign | ast.AnnAssign) -> set[str]:
    targets = line.targets if isinstance(line, ast.Assign) else [line.target]
    return {target.id for target in targets if isinstance(target, ast.Name)}


# The catalogue


def read(path: Path = ENGLISH) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parents[1].name, abort_invalid=True)


def update(found: Found, path: Path = ENGLISH) -> list[str]:
    """Write the catalogue anew with the translations that it has; the texts that still lack one are returned."""
    old = read(path) if path.exists() else Catalog(locale="en")
    fresh = Catalog(locale="en", project="Qixia", version="1", fuzzy=False)
    missing = []
    for context, text, plural in sorted(found.texts, key=lambda key: (key[1], key[0] or "")):
        known = old.get(text, context)
        forms = _forms(known.string if known else "")
        translation = (forms[0], forms[-1]) if plural is not None else forms[0]
        files = sorted(found.texts[context, text, plural])
        flags = ["python-format"] if PLACE.search(text) else []
        fresh.add(
            (text, plural) if plural else text,
            translation,
            locations=[(f"qixia/{name}", 0) for name in files],
            flags=flags,
            context=context,
        )
        if not all(forms):
            missing.append(text)
    path.parent.mkdir(parents=True, exist_ok=True)
    write(fresh, path)
    return missing


def _forms(string: object) -> tuple[str, ...]:
    """A translation as its forms: one, or one for each number."""
    return tuple(map(str, string)) if isinstance(string, tuple | list) else (str(string or ""),)


def write(catalogue: Catalog, path: Path = ENGLISH) -> None:
    """Without dates and line numbers: a catalogue changes only when a text does."""
    catalogue.header_comment = (
        "# What Qixia says, in English. `make messages` collects the texts; see scripts/messages.py."
    )
    with path.open("wb") as file:
        write_po(file, catalogue, width=0, include_lineno=False, omit_header=False)
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    unwanted = (
        '"POT-Creation-Date',
        '"PO-Revision-Date',
        '"Last-Translator',
        '"Language-Team',
        '"Generated-By',
        '"Report-Msgid',
    )
    path.write_text("".join(line for line in lines if not line.startswith(unwanted)), encoding="utf-8")


def compile_all() -> None:
    for source in sorted(PACKAGE.glob("**/locale/*/LC_MESSAGES/*.po")):
        draft = source.with_suffix(f".mo-{os.getpid()}")
        with draft.open("wb") as file:
            write_mo(file, read(source))
        draft.replace(source.with_suffix(".mo"))  # whole or not at all: a server may be reading


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["compile", "update"], nargs="?", default="compile")
    if parser.parse_args().what == "update":
        from django.conf import settings  # noqa: PLC0415  (compiling needs no Django)

        settings.configure(USE_I18N=True)
        missing = update(collect())
        for text in missing:
            print(f"without English: {text}")
        print(f"{len(missing)} without English", file=sys.stderr)
    compile_all()
    return 0


if __name__ == "__main__":
    sys.exit(main())
