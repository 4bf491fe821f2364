"""Reading what cities keep today: chats, lists, archives; and what is refused, with which field."""

from __future__ import annotations

import io
import time
import zipfile
from datetime import date, datetime
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from qixia.reports.importing.archives import read_archive
from qixia.reports.importing.chat import Message, read_chat
from qixia.reports.importing.columns import guess
from qixia.reports.importing.decoding import text_of
from qixia.reports.importing.limits import ROWS, BadFile
from qixia.reports.importing.moments import BadMoment, moment_of
from qixia.reports.importing.sheets import read_excel, read_separated, safe_cell, write_excel
from qixia.reports.importing.talk import first_phone, is_chatter, masked

TODAY = date(2026, 3, 2)
AT = datetime(2026, 3, 1, 8, 12)


def zipped(**files: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return out.getvalue()


def workbook(*rows: Any) -> bytes:
    book = Workbook()
    for row in rows:
        book.active.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


# ── chats ─────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    "text",
    [
        "张三 2026-03-01 08:12\n井盖坏了 云帆路88号",
        "张三  2026/3/1 8:12:00\n井盖坏了 云帆路88号\n",
        "2026年3月1日 早上8:12 张三：井盖坏了 云帆路88号",
        "[2026-03-01 08:12] 张三: 井盖坏了 云帆路88号",
        "2026-03-01 08:12:00 张三(wxid_abc)\n井盖坏了 云帆路88号",
        "—————  2026-03-01  —————\n\n\n张三  08:12\n\n井盖坏了 云帆路88号\n",
        "3月1日 上午8:12 张三：井盖坏了 云帆路88号",
        "2026-03-01 星期日 08:12 张三：井盖坏了 云帆路88号",
    ],
)
def test_every_form_of_export_is_the_same_message(text: str) -> None:
    (one,) = read_chat(text, TODAY)
    assert (one.sender, one.at, one.text) == ("张三", AT, "井盖坏了 云帆路88号")


def test_a_paste_without_times_is_read_by_names() -> None:
    found = read_chat("张三：井盖坏了\n云帆路88号\n李四: 路灯不亮", TODAY)
    assert [(one.sender, one.at, one.text) for one in found] == [
        ("张三", None, "井盖坏了\n云帆路88号"),
        ("李四", None, "路灯不亮"),
    ]


def test_photos_and_words_of_one_sender_belong_together() -> None:
    text = (
        "张三 2026-03-01 08:12\n[图片: IMG_1.jpg]\n[图片：IMG_2.jpg]\n"
        "张三 2026-03-01 08:13\n井盖坏了\n"
        "李四 2026-03-01 08:13\nIMG_3.jpg (文件附件)\n"
        "张三 2026-03-01 08:30\n[图片]\n"
    )
    assert [(one.sender, one.text, one.photos, one.unnamed) for one in read_chat(text, TODAY)] == [
        ("张三", "井盖坏了", ("IMG_1.jpg", "IMG_2.jpg"), 0),
        ("李四", "", ("IMG_3.jpg",), 0),
        ("张三", "", (), 1),
    ]


def test_what_the_program_says_itself_is_no_message() -> None:
    text = "张三 2026-03-01 08:12\n张三撤回了一条消息\n李四 2026-03-01 08:13\n[动画表情]\n王五 2026-03-01 08:14\n在路上"
    assert [one.sender for one in read_chat(text, TODAY)] == ["王五"]


def test_a_line_inside_a_message_keeps_its_colon() -> None:
    (one,) = read_chat("张三 2026-03-01 08:12\n地点：云帆路88号\n问题：井盖坏了", TODAY)
    assert one.text == "地点：云帆路88号\n问题：井盖坏了"


@pytest.mark.parametrize("text", ["", "😀😀", "没有人说话\n只有一行字", "2026-13-45 99:99 张三\n井盖"])
def test_what_is_no_chat_is_refused(text: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_chat(text, TODAY)
    assert refused.value.field == "text"


def test_ten_thousand_messages_are_too_many() -> None:
    with pytest.raises(BadFile, match="消息太多"):
        read_chat("".join(f"张{n} 2026-03-01 08:12\n井盖{n}坏了\n" for n in range(10_000)), TODAY)


def test_long_lines_cost_no_time() -> None:
    read_chat("张三 2026-03-01 08:12\n" + "很" * 200_000 + "\n" + " 1" * 50_000, TODAY)


# ── text ──────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_text_in_every_encoding_that_people_have(encoding: str) -> None:
    said = "张三 2026-03-01 08:12\r\n井盖坏了 云帆路88号\r\n"
    assert text_of(said.encode(encoding)).lstrip("\ufeff") == said.replace("\r\n", "\n")


@pytest.mark.parametrize("data", [b"", b"  \n", b"\x7fELF" + bytes(range(256)) * 20, b"\xff\xd8\xff\xe0" + bytes(999)])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(BadFile):
        text_of(data)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("2026-03-01 08:12", AT),
        ("2026年3月1日 早上8:12", AT),
        ("3月1日 8点12分", AT),
        ("2026-03-01 下午8:12", AT.replace(hour=20)),
        ("2026/3/1 08:12 PM", AT.replace(hour=20)),
        ("2026-03-01", AT.replace(hour=0, minute=0)),
        ("12月31日 23:59", datetime(2025, 12, 31, 23, 59)),
        ("46082.5", datetime(2026, 3, 1, 12)),
        (AT, AT),
        (date(2026, 3, 1), AT.replace(hour=0, minute=0)),
    ],
)
def test_times(said: Any, expected: datetime) -> None:
    assert moment_of(said, TODAY) == expected


@pytest.mark.parametrize(
    "said", ["", "昨天", "1900-01-01 00:00", "2026-02-30", "2027-01-01", "12", "1e400", "2026-03-01 25:00"]
)
def test_times_that_can_not_be(said: str) -> None:
    with pytest.raises(BadMoment):
        moment_of(said, TODAY)


# ── lists ─────────────────────────────────────────────────────────────────────
HEAD = ("序号", "上报时间", "事发地点", "问题描述", "联系电话", "承办单位", "办理状态")
LINE = (1, AT, "云帆路88号", "井盖坏了", 13812345678, "市政", "未办结")


def test_an_excel_with_a_title_above_its_headings() -> None:
    table = read_excel(workbook(("二月台账",), HEAD, LINE))
    assert guess(table.headings) == {"at": 1, "place": 2, "text": 3, "phone": 4, "unit": 5, "status": 6}
    assert table.lines[0].number == 3
    assert table.lines[0].cells[:5] == ("1", "2026-03-01 08:12:00", "云帆路88号", "井盖坏了", "13812345678")


def test_formulas_are_never_worked_out() -> None:
    table = read_excel(workbook(HEAD, (1, AT, "=1+1", '=HYPERLINK("http://x","井盖")', "", "", "")))
    assert table.lines[0].cells[2:4] == ("", "")


@pytest.mark.parametrize("separator", [",", "\t", ";"])
def test_a_list_with_separators(separator: str) -> None:
    text = (
        separator.join(("时间", "地点", "内容")) + "\n" + separator.join(("2026-03-01 08:12", "云帆路88号", "井盖坏了"))
    )
    assert read_separated(text.encode("gbk")).lines[0].cells == ("2026-03-01 08:12", "云帆路88号", "井盖坏了")


def macros() -> bytes:
    book = io.BytesIO(workbook(HEAD, LINE))
    with zipfile.ZipFile(book, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0")
    return book.getvalue()


def entities() -> bytes:
    book = io.BytesIO(workbook(HEAD, LINE))
    with zipfile.ZipFile(book, "a") as archive:
        archive.writestr("xl/more.xml", b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "aaaa">]><x>&a;</x>')
    return book.getvalue()


BAD_TABLES = {
    "no zip": b"PK\x03\x04 and then nothing",
    "cut off": workbook(HEAD, LINE)[:-200],
    "macros": macros(),
    "entities": entities(),
    "empty": workbook(),
    "only headings": workbook(HEAD),
    "no headings": workbook(("一", "二"), ("三", "四")),
    "10,000 lines": workbook(HEAD, *[LINE] * 10_000),
    "a zip of other things": zipped(readme__txt=b"hello"),
    "a bomb": zipped(**{"xl/a.xml": b"0" * 60_000_000}),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables_are_refused(name: str) -> None:
    with pytest.raises(BadFile) as refused:
        read_excel(BAD_TABLES[name])
    assert refused.value.field == "file"


def test_as_many_lines_as_are_allowed() -> None:
    assert len(read_separated(("时间,内容\n" + "2026-03-01,井盖坏了\n" * ROWS).encode()).lines) == ROWS


@pytest.mark.parametrize("text", ["=1+1", "+86", "-1", "@SUM(A1)", "\t=1", "|x", "%0A"])
def test_what_we_write_is_never_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"
    book = load_workbook(io.BytesIO(write_excel(["行", "内容"], [[1, text]])))
    cell = book.active["B2"]
    assert (cell.data_type, str(cell.value)[0]) == ("s", "'")


# ── archives ──────────────────────────────────────────────────────────────────
def test_an_archive_with_photos_in_folders() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("群聊/消息.txt", "张三 2026-03-01 08:12\n[图片: IMG_1.jpg]")
        archive.writestr("群聊/图片/IMG_1.jpg", b"jpeg")
        archive.writestr("../../etc/IMG_2.png", b"png")
        archive.writestr("__MACOSX/._IMG_1.jpg", b"junk")
    found = read_archive(out.getvalue())
    assert (found.name, sorted(found.photos)) == ("消息.txt", ["IMG_1.jpg", "IMG_2.png"])


BAD_ARCHIVES = {
    "nothing to read": zipped(a__jpg=b"x"),
    "empty": zipped(),
    "cut off": zipped(a__txt=b"x" * 9000)[:-30],
    "a bomb": zipped(a__txt=b"0" * 200_000_000),
    "swells": zipped(a__txt=b"hi", b__jpg=b"0" * 30_000_000),
    "too many": zipped(**{f"a{n}__jpg": b"x" for n in range(700)}),
}


@pytest.mark.parametrize("name", BAD_ARCHIVES)
def test_bad_archives_are_refused(name: str) -> None:
    with pytest.raises(BadFile):
        read_archive(BAD_ARCHIVES[name])


# ── talk ──────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize("text", ["收到", "好的，谢谢", "👍👍👍", "辛苦了", "?", "ok"])
def test_talk(text: str) -> None:
    assert is_chatter(text)


@pytest.mark.parametrize("text", ["井盖坏了", "路灯不亮 收到请回复", "云帆路88号"])
def test_matters(text: str) -> None:
    assert not is_chatter(text)


def test_phone_numbers_are_covered() -> None:
    assert masked("找老王 138 1234 5678 或13912345678") == "找老王 138****5678 或139****5678"
    assert masked("编号 202613812345678901") == "编号 202613812345678901"
    assert first_phone("找老王 138-1234-5678") == "13812345678"


def test_a_message_is_frozen() -> None:
    assert Message(1, "张三", None, "x") == Message(1, "张三", None, "x")


def quick(call: Any) -> float:
    """Seconds of the processor, whatever else the machine does."""
    began = time.process_time()
    call()
    return time.process_time() - began


@pytest.mark.parametrize("laugh", ["哈", "嗯", "谢谢", "哈嗯", "大家好"])
def test_a_long_laugh_costs_no_time(laugh: str) -> None:
    assert quick(lambda: is_chatter(laugh * (24 // len(laugh)) + "路灯坏了")) < 0.2
    assert not is_chatter(laugh * 500 + "路灯坏了")
    assert is_chatter(laugh * 5)


@pytest.mark.parametrize(
    "line",
    [
        "a" + " " * 1000 + "b",
        "2026-03-01" + " " * 700 + "b",
        "2026-03-01 08:12 a" + " " * 1500 + "b",
        "张三" + " " * 999,
    ],
)
def test_a_line_of_spaces_costs_no_time(line: str) -> None:
    head = "张三 2026-03-01 08:12\n井盖坏了\n"
    assert quick(lambda: read_chat(head + line, TODAY)) < 0.2
    assert quick(lambda: read_chat(f"{head}a.jpg{line}", TODAY)) < 0.2


@pytest.mark.parametrize("day", ["0001-01-01", "1900-01-01", "9999-12-31"])
def test_a_head_with_an_impossible_day_is_words_and_breaks_nothing(day: str) -> None:
    chat = f"甲 2026-03-01 08:00\n井盖没了\n{day} 08:00 乙：路灯坏了"
    (said,) = read_chat(chat, TODAY)
    assert (said.at.year, day in said.text) == (2026, True)


def test_a_cell_of_spaces_is_no_time_and_costs_none() -> None:
    def read() -> None:
        with pytest.raises(BadMoment):
            moment_of("2026-03-01" + " " * 400 + "x", TODAY)

    assert quick(read) < 0.1


def test_long_words_on_the_line_of_a_name_are_kept_whole() -> None:
    (one,) = read_chat("[2026-03-01 08:12] 张三: 井盖坏了" + "很危险" * 300, TODAY)
    assert (one.sender, one.text) == ("张三", "井盖坏了" + "很危险" * 300)
