"""What a paper really is, and whether anything in it would act by itself. Pure; names and declared types play no part.

`examine` returns the kind (KINDS) or raises PaperRefused with a sentence for whoever brought it.

PDF      refused: encrypted ones (nobody can look inside), scripts, launching, embedded files, forms that send. Names are
         read with their escapes (/J#61vaScript), and every compressed stream is opened and read as well.
Office   docx, xlsx, pptx by their table of content types. Refused: macros, ActiveX, OLE, linked templates and other
         parts that come from outside, encrypted parts, the old binary formats, a part that is itself refused.
Pictures as media reads them. Everything else is refused: SVG and HTML are programs to a browser.
Cost     linear; what is unpacked is capped at UNPACKED_MAX in all and nested papers at two levels.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from typing import Final

from qixia.kernel.errors import Invalid
from qixia.media import sniff

KINDS: Final = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "jpeg": "image/jpeg",
    "png": "image/png",
    "webp": "image/webp",
}
UNPACKED_MAX: Final = 300 << 20
_PARTS_MAX = 3_000
_STREAMS_MAX = 50_000
_DEPTH_MAX = 2

_ACTIVE_PDF = re.compile(
    rb"/(JavaScript|Launch|EmbeddedFiles?|RichMedia|XFA|SubmitForm|ImportData|GoToE|Rendition|Movie|Sound)(?![A-Za-z])"
)
_ENCRYPTED_PDF = re.compile(rb"/Encrypt(?![A-Za-z])")
_ODD_FILTERS = re.compile(
    rb"/(ASCIIHexDecode|ASCII85Decode|LZWDecode|RunLengthDecode|AHx|A85|LZW|RL|Crypt)(?![A-Za-z])"
)
_ESCAPE = re.compile(rb"#([0-9A-Fa-f]{2})")
_STREAM = re.compile(rb"stream\r?\n")
_MAIN = {
    b"wordprocessingml.document.main": "docx",
    b"spreadsheetml.sheet.main": "xlsx",
    b"presentationml.presentation.main": "pptx",
}
_MACROS = re.compile(rb"macroEnabled|vbaProject|activeX|oleObject", re.IGNORECASE)
_BAD_PART = re.compile(
    r"vbaproject|vbadata|activex|oleobject|\.(html?|mht|xhtml|js|vbs|exe|dll|bat|ps1|hta|swf)$", re.IGNORECASE
)
_OUTSIDE = re.compile(
    rb"<[^>]*(?:attachedTemplate|oleObject|externalLink(?:Path)?|frame|subDocument|aFChunk|control)\"[^>]*"
    rb"TargetMode\s*=\s*[\"']External|<[^>]*TargetMode\s*=\s*[\"']External[^>]*"
    rb"(?:attachedTemplate|oleObject|externalLink(?:Path)?|frame|subDocument|aFChunk|control)\"",
    re.IGNORECASE,
)
_DDE = re.compile(rb"<ddeLink|instrText[^>]*>\s*DDE(AUTO)?\b", re.IGNORECASE)
_DOCTYPE = re.compile(rb"<!(DOCTYPE|ENTITY)", re.IGNORECASE)


class PaperRefused(Invalid):
    """Nothing was kept."""

    code = "reports.paper_refused"
    message = "这种文件不收。可以传 PDF、Word、Excel、PPT 和照片。"


class ActivePaper(PaperRefused):
    code = "reports.active_paper"
    message = "文件里有宏、脚本或嵌入的程序，不收。请另存成不带宏的文件，或打印成 PDF 再传。"


class LockedPaper(PaperRefused):
    code = "reports.locked_paper"
    message = "文件加了密，看不到里面，不收。请去掉密码再传。"


class OldPaper(PaperRefused):
    code = "reports.old_paper"
    message = "老格式的 Word、Excel、PPT 可能带宏，不收。请另存为 docx、xlsx、pptx 或 PDF。"


class DamagedPaper(PaperRefused):
    code = "reports.damaged_paper"
    message = "文件不完整或者读不出来，请重新传。"


class TooMuchInside(PaperRefused):
    code = "reports.too_much_inside"
    message = "文件解开以后太大，不收。"


def examine(content: bytes) -> str:
    """The kind of a harmless paper; PaperRefused for every other."""
    return _examine(content, _Room(), 0)


class _Room:
    """How much may still be unpacked."""

    def __init__(self) -> None:
        self.left = UNPACKED_MAX

    def take(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise TooMuchInside


def _examine(content: bytes, room: _Room, depth: int) -> str:
    if content.startswith(b"%PDF-"):
        _check_pdf(content, room)
        return "pdf"
    if content.startswith(b"PK\x03\x04"):
        return _check_office(content, room, depth)
    if content.startswith(b"\xd0\xcf\x11\xe0"):
        raise OldPaper
    try:
        return sniff.inspect(content).format
    except sniff.Unsound as error:
        raise PaperRefused from error


# ── PDF ───────────────────────────────────────────────────────────────────────
def _check_pdf(content: bytes, room: _Room) -> None:
    if b"%%EOF" not in content[-4096:]:
        raise DamagedPaper
    _check_names(content)
    if b"/ObjStm" in _plain(content) and _ODD_FILTERS.search(content):
        raise LockedPaper  # objects packed in a way that is not opened here
    for count, found in enumerate(_STREAM.finditer(content)):
        if count > _STREAMS_MAX:
            raise TooMuchInside
        inside = _inflated(content, found.end(), room)
        if inside:
            _check_names(inside)


def _check_names(part: bytes) -> None:
    plain = _plain(part)
    if _ENCRYPTED_PDF.search(plain):
        raise LockedPaper
    if _ACTIVE_PDF.search(plain):
        raise ActivePaper


def _plain(part: bytes) -> bytes:
    """Without the escapes that names may be written with."""
    return _ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), part) if b"#" in part else part


def _inflated(content: bytes, start: int, room: _Room) -> bytes:
    """What is packed there; b"" for what is no zlib stream (a picture, say)."""
    unpack, parts, at = zlib.decompressobj(), [], start
    try:
        while not unpack.eof and at < len(content):
            piece = unpack.decompress(content[at : at + 65_536], 1 << 20)
            at += 65_536
            while True:
                room.take(len(piece))
                parts.append(piece)
                if not unpack.unconsumed_tail:
                    break
                piece = unpack.decompress(unpack.unconsumed_tail, 1 << 20)
    except zlib.error:
        pass  # what came before the fault was read by viewers too
    return b"".join(parts)


# ── Office ────────────────────────────────────────────────────────────────────
def _check_office(content: bytes, room: _Room, depth: int) -> str:
    if depth > _DEPTH_MAX:
        raise TooMuchInside
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as box:
            return _check_parts(box, room, depth)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, ValueError, OSError) as error:
        raise DamagedPaper from error


def _check_parts(box: zipfile.ZipFile, room: _Room, depth: int) -> str:
    entries = box.infolist()
    if len(entries) > _PARTS_MAX:
        raise TooMuchInside
    if any(entry.flag_bits & 1 for entry in entries):
        raise LockedPaper
    if "[Content_Types].xml" not in box.namelist():
        raise PaperRefused
    types = _read(box, "[Content_Types].xml", room)
    if _MACROS.search(types):
        raise ActivePaper
    kind = next((kind for mark, kind in _MAIN.items() if mark in types), None)
    if kind is None:
        raise PaperRefused
    for entry in entries:
        if _BAD_PART.search(entry.filename):
            raise ActivePaper
        if entry.filename.endswith((".rels", ".xml")):
            _check_markup(_read(box, entry.filename, room))
        elif "/embeddings/" in f"/{entry.filename}":
            _examine(_read(box, entry.filename, room), room, depth + 1)
    return kind


def _check_markup(markup: bytes) -> None:
    # UTF-16 would hide every word that is looked for.
    if b"\0" in markup[:200] or _DOCTYPE.search(markup):
        raise DamagedPaper
    if _OUTSIDE.search(markup) or _DDE.search(markup):
        raise ActivePaper


def _read(box: zipfile.ZipFile, name: str, room: _Room) -> bytes:
    """One part. What the list says of its size is not believed."""
    parts = []
    with box.open(name) as part:
        while piece := part.read(1 << 20):
            room.take(len(piece))
            parts.append(piece)
    return b"".join(parts)
