"""Who reported: the only place that knows how a report is joined to its reporter.

Link     the reporter's public id, sealed with the master key for this one report. It is opened to
         tell the reporter, to pay the reporter, to show a clerk the nickname that the reporter chose to show
         (queries/desk.py), and for the reveal that needs a reason (services/revealing.py); for nothing else.
Index    a keyed hash of the same id, equal on all reports of one person: it finds a rider's own reports without opening
         anything, and says nothing to whoever has the database without the key.
Support  the same for a rider who supports a report: a link of its own and an index with another purpose, so that without
         the key nobody sees that one rider reported this and supports that.
Witness  the same once more for a rider who looked at a place that is said to be done.
Circle   links are also opened to keep a look at a place from the reporter and those around (services/witnessing.py); what
         is kept of it are marks of one offer (offers/sealing.py).
Neither  an anonymous report has no link and no index, so there is nothing to open; one that no rider sent neither.
Errors   kernel.keys.BadSeal if a link was moved to another report or the key is another one.
"""

from __future__ import annotations

from qixia.kernel.keys import keys

SEALED = "sealed"
ANONYMOUS = "anonymous"
# Nobody here reported it: a part of what was split, or what was imported.
NONE = "none"
# How history names the reporter's own acts: never by a person.
REPORTER = "reporter"
IMPORTED = "import"  # a group's messages or a list of cases
SUPPORTER = "supporter"
WITNESS = "witness"


def index_of(person: str) -> str:
    """What the reports of the person with this public id are found by."""
    return keys().blind_index(person, purpose="reporter")


def seal_link(person: str, *, report: str) -> bytes:
    """The public id of a person, to be opened only for the report with this public id."""
    return keys().seal(person.encode(), purpose=_purpose(report))


def open_link(link: bytes | memoryview | None, *, report: str) -> str:
    """The reporter's public id; "" for an anonymous report."""
    return keys().open(bytes(link), purpose=_purpose(report)).decode() if link else ""


def supporter_index(person: str) -> str:
    """What the supports of the person with this public id are found by."""
    return keys().blind_index(person, purpose="supporter")


def seal_support(person: str, *, support: str) -> bytes:
    """The public id of a person, to be opened only for the support with this public id."""
    return keys().seal(person.encode(), purpose=f"support-link:{support}")


def open_support(link: bytes | memoryview | None, *, support: str) -> str:
    """The supporter's public id; "" of somebody who was erased."""
    return keys().open(bytes(link), purpose=f"support-link:{support}").decode() if link else ""


def witness_index(person: str) -> str:
    """What the looks of the person with this public id are found by."""
    return keys().blind_index(person, purpose="witness")


def seal_witness(person: str, *, witness: str) -> bytes:
    """The public id of a person, to be opened only for the look with this public id."""
    return keys().seal(person.encode(), purpose=f"witness-link:{witness}")


def open_witness(link: bytes | memoryview | None, *, witness: str) -> str:
    """The public id of who looked; "" of somebody who was erased."""
    return keys().open(bytes(link), purpose=f"witness-link:{witness}").decode() if link else ""


def _purpose(report: str) -> str:
    return f"report-link:{report}"
