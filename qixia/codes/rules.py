"""Severity, division paths and the reading of standard codes. Pure.

Units    severity is an ordered enum: LOW < NORMAL < HIGH < CRITICAL (stored as its lowercase name).
Truth    GB/T 47678.5-2026 for codes: five digits, unique only together with the kind; local extensions take 080-999
         in a main class and carry （自定义） in their name.
Errors   BadCode (ValueError) for text that is no code, severity or path part.
"""

from __future__ import annotations

from enum import IntEnum

PART = "管理部件"
MATTER = "管理事项"
EVENT_2013 = "事件"
KINDS = (PART, MATTER, EVENT_2013)
EDITIONS = ("2026", "2013")
LOCAL_MARK = "（自定义）"
FIRST_LOCAL = 80

# From the whole to the part. A city may add its own between them: only the order of the numbers matters.
LEVELS: dict[str, int] = {"province": 10, "city": 20, "district": 30, "street": 40, "community": 50}
LEVEL_NAMES: dict[str, str] = {
    "province": "省",
    "city": "市",
    "district": "区县",
    "street": "街道",
    "community": "社区",
}

MATTER_CLASSES: dict[str, str] = {
    "01": "市政公用设施类",
    "02": "交通设施类",
    "03": "市容环卫设施类",
    "04": "园林绿化设施类",
    "05": "其他管理部件类",
    "06": "市容环境类",
    "07": "宣传广告类",
    "08": "施工管理类",
    "09": "街面秩序类",
    "10": "其他事项类",
}

_KIND_WORDS = {"部件": PART, "事项": MATTER}


class BadCode(ValueError):
    """The text is no standard code, severity or division code."""


class Severity(IntEnum):
    """How bad: critical rings a person at once, high is dealt with the same day, low is a nuisance or a wish."""

    LOW = 1
    NORMAL = 2
    HIGH = 3
    CRITICAL = 4

    @property
    def slug(self) -> str:
        return self.name.lower()

    @property
    def label(self) -> str:
        return SEVERITY_LABELS[self.slug]

    @classmethod
    def of(cls, slug: str) -> Severity:
        try:
            return cls[slug.upper()]
        except KeyError as error:
            raise BadCode(f"unknown severity {slug!r}") from error

    def raised(self, steps: int = 1) -> Severity:
        """`steps` levels worse, at most critical."""
        return Severity(min(self + steps, Severity.CRITICAL))


SEVERITY_LABELS: dict[str, str] = {"low": "轻微", "normal": "一般", "high": "紧急", "critical": "特急"}
SEVERITIES: tuple[str, ...] = tuple(SEVERITY_LABELS)


def worse(a: str, b: str) -> str:
    """The worse of two severities, as slugs."""
    return max(Severity.of(a), Severity.of(b)).slug


def severity_label(slug: str) -> str:
    """轻微, 一般, 紧急 or 特急."""
    return Severity.of(slug).label


def path_of(code: str, parent_path: str = "") -> str:
    """Path of a division below `parent_path`: "350000/350500/"."""
    if not code or "/" in code or code != code.strip():
        raise BadCode(f"not a division code: {code!r}")
    return f"{parent_path}{code}/"


def ancestor_codes(path: str) -> tuple[str, ...]:
    """Codes from the root down to the division itself."""
    return tuple(part for part in path.split("/") if part)


def is_within(path: str, root_path: str) -> bool:
    """Whether the division at `path` is the one at `root_path` or lies below it. No root contains nothing."""
    return bool(root_path) and path.startswith(root_path)


def is_local(code: str) -> bool:
    """Whether a five-digit code lies in the range for local extensions."""
    return len(code) == 5 and code.isdigit() and int(code[2:]) >= FIRST_LOCAL


def read_codes(text: str) -> tuple[tuple[str, str], ...]:
    """(kind, code) pairs of "事项:01001-01023" or "事项:02010 02012 自定义".

    Ranges are kept to what the standard lists: the loader drops numbers that it leaves free (01016).
    """
    kind, _, rest = text.partition(":")
    if kind == "自定义":
        return ()
    if kind not in _KIND_WORDS:
        raise BadCode(f"unknown kind in {text!r}")
    codes: list[str] = []
    for word in rest.split():
        if word != "自定义":
            codes += _expand(word)
    return tuple((_KIND_WORDS[kind], code) for code in codes)


def read_default(text: str) -> tuple[str, str, bool]:
    """(kind, code, is_local) of "事项:01023" or "自定义:01081"."""
    kind, _, code = text.partition(":")
    if len(code) != 5 or not code.isdigit():
        raise BadCode(f"not a code: {text!r}")
    if kind == "自定义":
        if not is_local(code):
            raise BadCode(f"{code} is not in the range for local extensions")
        return MATTER, code, True
    if kind not in _KIND_WORDS:
        raise BadCode(f"unknown kind in {text!r}")
    return _KIND_WORDS[kind], code, False


def _expand(word: str) -> list[str]:
    first, _, last = word.partition("-")
    for code in (first, last or first):
        if len(code) != 5 or not code.isdigit():
            raise BadCode(f"not a code: {word!r}")
    return [f"{number:05d}" for number in range(int(first), int(last or first) + 1)]
