"""Files in pieces: whatever the network does, what arrives is what was sent, and only its sender can use it."""

from datetime import timedelta

import pytest

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import Invalid, TooLarge, TooMany
from qixia.media import transfers
from qixia.media.models import Transfer
from qixia.media.tests import made
from qixia.media.tests.filming import clip
from qixia.media.transfers import TransferGone, WrongOffset, add, begin, collect

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("media_dir")]
ME, OTHER = "person:a", "person:b"
PIECE = transfers.PIECE_MIN


def send(data: bytes, piece: int = PIECE, owner: str = ME) -> str:
    row = begin(owner=owner, size=len(data))
    for at in range(0, len(data), piece):
        assert add(owner=owner, public_id=row.public_id, offset=at, piece=data[at : at + piece]) == at + len(
            data[at : at + piece]
        )
    return row.public_id


def content(upload) -> bytes:
    return b"".join(upload.chunks())


def stored():
    folder = get_config().media / "transfers"
    return sorted(path for path in folder.rglob("*") if path.is_file()) if folder.is_dir() else []


def test_what_arrives_is_what_was_sent_and_lies_sealed():
    data = clip("mp4", 6.0)
    name = send(data)
    found = collect(owner=ME, named=[{"id": name, "as": "clip"}])
    assert content(found.clip[0]) == data
    assert (found.photos, found.after_photos) == ([], [])
    on_disk = b"".join(path.read_bytes() for path in stored())
    assert len(stored()) > 1
    assert all(data[at : at + 32] not in on_disk for at in range(0, len(data) - 32, 4001))


def test_pieces_again_and_pieces_too_early():
    data = made.jpeg(900, 700)[: PIECE * 2 + 100].ljust(PIECE * 2 + 100, b"x")
    row = begin(owner=ME, size=len(data))
    assert add(owner=ME, public_id=row.public_id, offset=0, piece=data[:PIECE]) == PIECE
    assert add(owner=ME, public_id=row.public_id, offset=0, piece=data[:PIECE]) == PIECE  # the answer was lost
    with pytest.raises(WrongOffset) as refusal:
        add(owner=ME, public_id=row.public_id, offset=PIECE * 2, piece=data[PIECE * 2 :])
    assert refusal.value.context["offset"] == PIECE
    add(owner=ME, public_id=row.public_id, offset=PIECE, piece=data[PIECE : PIECE * 2])
    with pytest.raises(Invalid, match="没有传完"):
        collect(owner=ME, named=[{"id": row.public_id, "as": "photos"}])
    add(owner=ME, public_id=row.public_id, offset=PIECE * 2, piece=data[PIECE * 2 :])
    assert content(collect(owner=ME, named=[{"id": row.public_id, "as": "photos"}]).photos[0]) == data


def test_named_again_after_a_lost_answer():
    name = send(b"x" * 100)
    for _ in range(2):
        assert content(collect(owner=ME, named=[{"id": name, "as": "clip"}]).clip[0]) == b"x" * 100


class TestRefused:
    def test_of_somebody_else(self):
        name = send(b"x" * 100)
        with pytest.raises(TransferGone):
            collect(owner=OTHER, named=[{"id": name, "as": "clip"}])
        with pytest.raises(TransferGone):
            add(owner=OTHER, public_id=name, offset=0, piece=b"y")

    @pytest.mark.parametrize("size", [0, -1])
    def test_no_size(self, size):
        with pytest.raises(Invalid):
            begin(owner=ME, size=size)
        assert Transfer.objects.count() == 0

    def test_too_large(self):
        with pytest.raises(TooLarge):
            begin(owner=ME, size=51 * 1024 * 1024)

    def test_too_many_at_once(self):
        for _ in range(transfers.OPEN_MAX):
            begin(owner=ME, size=10)
        with pytest.raises(TooMany):
            begin(owner=ME, size=10)
        begin(owner=OTHER, size=10)

    def test_too_many_that_reports_took_one_after_the_other(self):
        for _ in range(transfers.LIVING_MAX):
            collect(owner=ME, named=[{"id": send(b"x"), "as": "clip"}])
        with pytest.raises(TooMany):
            begin(owner=ME, size=1)
        assert Transfer.objects.count() == transfers.LIVING_MAX
        begin(owner=OTHER, size=1)
        with clock.at(clock.now() + timedelta(hours=3)):
            transfers.sweep()
            begin(owner=ME, size=1)

    def test_too_much_in_all(self, monkeypatch):
        monkeypatch.setattr(transfers, "LIVING_BYTES", 100)
        collect(owner=ME, named=[{"id": send(b"x" * 60), "as": "clip"}])
        with pytest.raises(TooMany):
            begin(owner=ME, size=41)
        begin(owner=ME, size=40)

    @pytest.mark.parametrize("piece", [b"", b"x" * (PIECE - 1), b"x" * (transfers.PIECE_MAX + 1)])
    def test_pieces_of_a_wrong_size(self, piece):
        row = begin(owner=ME, size=3 * 1024 * 1024)
        with pytest.raises(Invalid):
            add(owner=ME, public_id=row.public_id, offset=0, piece=piece)
        assert stored() == []

    def test_more_than_was_said(self):
        row = begin(owner=ME, size=10)
        with pytest.raises(Invalid):
            add(owner=ME, public_id=row.public_id, offset=0, piece=b"x" * 11)

    @pytest.mark.parametrize(
        "named", [None, {}, "x", [1], [{}], [{"id": "x", "as": "evil"}], [{"id": "x", "as": "clip"}] * 21]
    )
    def test_a_list_that_is_none(self, named):
        with pytest.raises(Invalid):
            collect(owner=ME, named=named)

    @pytest.mark.parametrize("name", ["", "x" * 26, "../../etc/passwd", None])
    def test_a_name_that_is_none(self, name):
        with pytest.raises(TransferGone):
            collect(owner=ME, named=[{"id": name, "as": "clip"}])


def test_the_sweep_takes_what_nobody_wants():
    used, kept, old = send(b"a" * 50), send(b"b" * 50), send(b"c" * 50)
    collect(owner=ME, named=[{"id": used, "as": "clip"}])
    Transfer.objects.filter(public_id=old).update(created_at=clock.now() - timedelta(days=2))
    with clock.at(clock.now() + timedelta(hours=3)):
        assert transfers.sweep() == 2
    assert list(Transfer.objects.values_list("public_id", flat=True)) == [kept]
    assert {path.parent.name for path in stored()} == {kept}
