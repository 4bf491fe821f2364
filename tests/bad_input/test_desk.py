"""Bad input at the desk and in the loop, through the pages' own forms: each row of a form's table is refused with a
sentence in Chinese that says what is wrong, and nothing has changed, neither a row of any table nor a file.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.contrib.messages import get_messages
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse

from qixia.reports import services
from qixia.reports.models import Extension, Report
from qixia.reports.tests.town import Town, reach, send
from tests.bad_input.doors import everything, is_chinese, signed_in

LONG = "很" * 1001
FORGED = "0" * 26
Row = tuple[dict[str, Any], int, str]


@dataclass(frozen=True)
class Form:
    """Who sends it where, on a case in which state, and what must be refused: fields → status, what is said."""

    who: str
    address: str
    state: str
    rows: dict[str, Row]


def file(name: str, data: bytes) -> Callable[[], SimpleUploadedFile]:
    return lambda: SimpleUploadedFile(name, data)


FORMS = {
    "pause": Form("clerk", "/desk/case/{}/clock/pause", "accepted", {
        "no reason": ({}, 303, "理由"),
        "unknown reason": ({"reason": "tired' --"}, 303, "理由"),
        "no day": ({"reason": "weather", "until": "明天"}, 303, "一天"),
        "day before time": ({"reason": "weather", "until": "0001-01-01"}, 303, "一天"),
        "day without end": ({"reason": "weather", "until": "9999-12-31"}, 303, "一天"),
        "long words": ({"reason": "weather", "text": LONG}, 303, "1000"),
    }),
    "resume": Form("clerk", "/desk/case/{}/clock/resume", "accepted", {"nothing stands still": ({}, 303, "没有暂停")}),
    "extension": Form("worker", "/desk/case/{}/clock/ask_extension", "accepted", {
        "no words": ({"amount": "2", "unit": "工作日"}, 303, "说明"),
        "no length": ({"text": "要开挖"}, 303, "延多久"),
        "no number": ({"amount": "两", "unit": "工作日", "text": "要开挖"}, 303, "延多久"),
        "less than nothing": ({"amount": "-2", "unit": "工作日", "text": "要开挖"}, 303, "延多久"),
        "unknown unit": ({"amount": "2", "unit": "fortnights", "text": "要开挖"}, 303, "延多久"),
        "too long": ({"amount": "900", "unit": "工作日", "text": "要开挖"}, 303, "最多"),
        "long words": ({"amount": "2", "unit": "工作日", "text": LONG}, 303, "1000"),
    }),
    "return": Form("worker", "/desk/case/{}/way/return", "dispatched", {
        "no words": ({"unit": "huanwei"}, 303, "说明"),
        "unknown unit": ({"unit": "nobody", "text": "不归我们"}, 303, "单位"),
        "code from a query": ({"unit": "x' OR 1=1 --", "text": "不归我们"}, 303, "单位"),
        "to oneself": ({"unit": "shizheng", "text": "不归我们"}, 303, "单位"),
        "long words": ({"unit": "huanwei", "text": LONG}, 303, "1000"),
    }),
    "split": Form("clerk", "/desk/case/{}/way/split", "dispatched", {
        "no parts": ({"text": "分开办"}, 303, "部分"),
        "one part": ({"text": "分开办", "part_unit": ["huanwei"], "part_words": ["清垃圾"]}, 303, "部分"),
        "unknown unit": ({"text": "分开办", "part_unit": ["huanwei", "nobody"], "part_words": ["清", "修"]}, 303, "单位"),
        "a part without words": ({"text": "分开办", "part_unit": ["huanwei", "shizheng"], "part_words": ["清", ""]}, 303, "说明"),
        "long words": ({"text": "分开办", "part_unit": ["huanwei", "shizheng"], "part_words": ["清", LONG]}, 303, "1000"),
    }),
    "bulk": Form("clerk", "/desk/bulk/do", "accepted", {
        "no act": ({"act": "fly", "case": "{}", "client_key": "bad-key-0001"}, 404, ""),
        "no case": ({"act": "pause", "reason": "weather", "client_key": "bad-key-0001"}, 303, "选好"),
        "forged case": ({"act": "pause", "reason": "weather", "case": FORGED, "client_key": "bad-key-0001"}, 404, ""),
        "too many": ({"act": "pause", "reason": "weather", "case": [f"a{n}" for n in range(201)], "client_key": "bad-key-0001"}, 400, ""),
        "no key": ({"act": "pause", "reason": "weather", "case": "{}"}, 303, "提交编号"),
        "no reason": ({"act": "pause", "case": "{}", "client_key": "bad-key-0001"}, 303, "理由"),
        "no day": ({"act": "pause", "reason": "weather", "until": "31/12", "case": "{}", "client_key": "bad-key-0001"}, 303, "一天"),
        "unknown unit": ({"act": "redirect", "unit": "nobody", "text": "改派", "case": "{}", "client_key": "bad-key-0001"}, 303, "单位"),
        "a unit's act": ({"act": "accept", "case": "{}", "client_key": "bad-key-0001"}, 403, ""),
    }),
    "import": Form("clerk", "/desk/import/", "", {
        "nothing": ({}, 422, ""),
        "empty file": ({"file": file("a.xlsx", b"")}, 422, ""),
        "program": ({"file": file("a.xlsx", b"\x7fELF" + bytes(400))}, 422, ""),
        "broken archive": ({"file": file("a.zip", b"PK\x03\x04" + bytes(60))}, 422, ""),
        "picture": ({"file": file("a.txt", b"\xff\xd8\xff\xe0" + bytes(200))}, 422, ""),
    }),
    "rating": Form("rider", "/r/{}/rate", "fixed", {
        "no choice": ({"answered": "yes", "solved": "yes"}, 303, ""),
        "unknown choice": ({"content": "9"}, 303, ""),
        "no number": ({"content": "满意"}, 303, ""),
        "long words": ({"content": "3", "text": LONG}, 303, "1000"),
    }),
    "appeal": Form("rider", "/r/{}/appeal", "invalid", {
        "no words": ({}, 303, "说明"),
        "blanks": ({"text": " \t "}, 303, "说明"),
        "long words": ({"text": LONG}, 303, "1000"),
    }),
    "acknowledge": Form("worker", "/desk/alarm/{}/acknowledge", "fixed", {"nothing rings": ({}, 303, "")}),
    "transfer": Form("worker", "/desk/alarm/{}/transfer", "dispatched", {
        "unknown number": ({"phone": "12345678", "at": "08:00"}, 303, ""),
        "no time": ({"phone": "110", "at": "25:99"}, 303, "几点"),
    }),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_each_row_is_refused_and_changes_nothing(town: Town, media: Path, name: str) -> None:
    form = FORMS[name]
    public_id = case_in(town, form.state) if form.state else ""
    client = signed_in(town, form.who)
    before = all_of(media)
    for row, (fields, status, says) in form.rows.items():
        sent = {key: _made(value, public_id) for key, value in fields.items()}
        answer = client.post(form.address.format(public_id), sent)
        assert answer.status_code == status, (row, answer.status_code, said(answer))
        assert is_chinese(said(answer)), (row, said(answer))
        assert says in said(answer), (row, said(answer))
        assert "%(" not in said(answer), row
        assert all_of(media) == before, row


@pytest.mark.parametrize("name", [name for name in FORMS if "{}" in FORMS[name].address])
def test_a_forged_case_is_not_found(town: Town, media: Path, name: str) -> None:
    form = FORMS[name]
    client = signed_in(town, form.who)
    before = all_of(media)
    for forged in (FORGED, "x", "a" * 300, "01234567890123456789012345'"):
        assert client.post(form.address.format(forged), {"text": "好"}).status_code == 404, forged
    assert all_of(media) == before


QUERIES = (
    "severity=terrible", "cls=x'--", "state=flying", "unit=%00", "unit=x'%20OR%201=1", "area=%2e%2e/", "over=2",
    "soon=yes", "group=everybody", f"q={'很' * 500}", "q=%00", "q=%25_%25", "after=~", "after=9999-99-99~1",
    "after=2026-01-01T00:00:00%2B00:00~99999999999999999999", "case=..%2f", "mine=2&watched=x",
)  # fmt: skip


def test_forged_filters_narrow_nothing_and_break_nothing(town: Town, media: Path) -> None:
    public_id = case_in(town, "accepted")
    client = signed_in(town, "clerk")
    before = all_of(media)
    for page in ("/desk/queue", "/desk/all"):
        for query in QUERIES:
            answer = client.get(f"{page}?{query}")
            assert answer.status_code == 200, (page, query)
            is_search = query.startswith("q=") and query != "q=%00"
            assert is_search or public_id in answer.content.decode(), (page, query)
    assert all_of(media) == before


def case_in(town: Town, state: str) -> str:
    if state == "invalid":
        public_id = send(town.rider).public_id
        services.reject(actor=town.clerk, public_id=public_id, reason="现场没有")
        return public_id
    return reach(town, state).public_id


def _made(value: Any, public_id: str) -> Any:
    if callable(value):
        return value()
    return public_id if value == "{}" else value


def said(answer: HttpResponse) -> str:
    """What the page, or the next one, says of it."""
    told = [str(message) for message in get_messages(answer.wsgi_request)]
    return " ".join(told) if told else answer.content.decode()


def all_of(media: Path) -> tuple[Any, ...]:
    """Counts of all tables, all files, and what stands in the rows that a step would change."""
    rows = [list(model.objects.order_by("pk").values()) for model in (Report, Extension)]
    return *everything(media), *rows
