import pytest
from django.db import IntegrityError, transaction
from django.utils import translation

from qixia.audit.models import AuditEvent
from qixia.codes import queries, services
from qixia.codes.models import Division, StandardCode, TriageClass
from qixia.codes.services import DivisionRow

pytestmark = pytest.mark.django_db

ACTOR = "system:test"

TREE = [
    DivisionRow("99010101", "青榕社区", "community", parent="990101"),
    DivisionRow("99", "南浦市", "city"),
    DivisionRow("990102", "浔美街道", "street", parent="9901"),
    DivisionRow("990101", "安海街道", "street", parent="9901"),
    DivisionRow("9901", "江安区", "district", parent="99"),
]


@pytest.fixture(autouse=True)
def _fresh() -> None:
    queries.forget()


def test_reference_is_loaded_once() -> None:
    assert services.load_reference(actor_ref=ACTOR) == {"codes": 519, "classes": 60}
    assert services.load_reference(actor_ref=ACTOR) == {"codes": 0, "classes": 0}
    assert AuditEvent.objects.filter(action="codes.reference_loaded").count() == 1
    assert StandardCode.objects.filter(edition="2026", is_local=False).count() == 403
    assert StandardCode.objects.filter(is_local=True, name__endswith="（自定义）").count() == 16
    assert TriageClass.objects.get(slug="gas").severity_floor == "critical"


def test_a_changed_line_of_the_file_is_brought_back() -> None:
    services.load_reference(actor_ref=ACTOR)
    StandardCode.objects.filter(edition="2026", kind="管理事项", code="10002").update(name="x")
    TriageClass.objects.filter(slug="lift").update(icon="x")
    assert services.load_reference(actor_ref=ACTOR) == {"codes": 1, "classes": 1}
    assert StandardCode.objects.get(edition="2026", kind="管理事项", code="10002").name == "架空线缆脱落"
    assert TriageClass.objects.get(slug="lift").icon == "elevator"


def test_parts_and_matters_share_digits_but_not_keys() -> None:
    services.load_reference(actor_ref=ACTOR)
    assert StandardCode.objects.filter(edition="2026", code="01001").count() == 2
    with pytest.raises(IntegrityError), transaction.atomic():
        StandardCode.objects.create(edition="2026", kind="管理事项", code="01001", main_class="x", name="x")


def test_classes_are_kept_so_that_asking_costs_no_query(django_assert_num_queries) -> None:
    services.load_reference(actor_ref=ACTOR)
    with django_assert_num_queries(2):
        assert len(queries.triage_classes()) == 60
    with django_assert_num_queries(0):
        row = queries.triage_classes()["manhole"]
        assert (row.kind, row.standard_code, row.severity_floor) == ("管理事项", "01023", "high")
        assert sum(len(rows) for rows in queries.families().values()) == 60
    assert next(iter(queries.triage_classes())) == "manhole"


def test_the_shipped_list_answers_before_it_is_loaded() -> None:
    assert len(queries.triage_classes()) == 60


def test_class_names_follow_the_language() -> None:
    services.load_reference(actor_ref=ACTOR)
    assert queries.class_name("lift") == "电梯故障"
    with translation.override("en"):
        assert queries.class_name("lift") == "Lift out of order"
    assert queries.class_name("gone") == "gone"


def test_an_edit_stays_and_leaves_before_and_after() -> None:
    services.load_reference(actor_ref=ACTOR)
    services.edit_class("lift", {"default_unit": "特检", "name_zh": "电梯故障"}, actor_ref="person:abc")
    assert services.load_reference(actor_ref=ACTOR)["classes"] == 0
    assert queries.triage_classes()["lift"].default_unit == "特检"
    event = AuditEvent.objects.get(action="codes.class_edited")
    assert (event.subject, event.actor) == ("triage-class:lift", "person:abc")
    assert event.data == {"changes": {"default_unit": ["物业", "特检"]}}


def test_switching_a_class_off_takes_it_from_the_list() -> None:
    services.load_reference(actor_ref=ACTOR)
    services.edit_class("snow-ice", {"active": False}, actor_ref="person:abc")
    assert "snow-ice" not in queries.triage_classes()


@pytest.mark.parametrize("changes", [{"slug": "x"}, {"severity_floor": "urgent"}])
def test_a_bad_edit_changes_nothing(changes: dict[str, str]) -> None:
    services.load_reference(actor_ref=ACTOR)
    with pytest.raises(services.BadClassEdit):
        services.edit_class("lift", changes, actor_ref="person:abc")
    assert not TriageClass.objects.get(slug="lift").is_edited
    with pytest.raises(services.UnknownClass):
        services.edit_class("gone", {"icon": "x"}, actor_ref="person:abc")


def test_divisions_come_in_any_order() -> None:
    rows = services.upsert_divisions(TREE, actor_ref=ACTOR)
    leaf = rows["99010101"]
    assert leaf.path == "99/9901/990101/99010101/"
    assert [row.name for row in queries.ancestors(leaf)] == ["南浦市", "江安区", "安海街道"]
    assert queries.full_name(leaf) == "南浦市江安区安海街道青榕社区"
    assert queries.ancestor_at(leaf, "district") == rows["9901"]
    assert [row.code for row in queries.subtree(rows["9901"])] == ["9901", "990101", "99010101", "990102"]
    assert queries.subtree(rows["9901"], level="community") == [leaf]
    assert [row.code for row in queries.roots()] == ["99"]
    assert queries.division("990102") == rows["990102"]
    assert set(queries.divisions_by_code(["99", "gone"])) == {"99"}


def test_divisions_may_be_sent_twice() -> None:
    services.upsert_divisions(TREE, actor_ref=ACTOR)
    services.upsert_divisions(TREE, actor_ref=ACTOR)
    assert Division.objects.count() == 5
    assert AuditEvent.objects.get(action="codes.divisions_changed").data == {"count": 5}


def test_a_division_that_moves_takes_its_parts_along() -> None:
    services.upsert_divisions(TREE, actor_ref=ACTOR)
    moved = [DivisionRow("98", "北浦市", "city"), DivisionRow("9901", "江安区", "district", parent="98")]
    services.upsert_divisions(moved, actor_ref=ACTOR)
    assert Division.objects.get(code="99010101").path == "98/9901/990101/99010101/"
    assert Division.objects.filter(path__startswith="99/").count() == 1


@pytest.mark.parametrize(
    ("rows", "error"),
    [
        ([DivisionRow("1", "a", "city", parent="0")], services.UnknownParent),
        (
            [DivisionRow("1", "a", "city", parent="2"), DivisionRow("2", "b", "city", parent="1")],
            services.CircularDivision,
        ),
        ([DivisionRow("1", "a", "city", parent="1")], services.CircularDivision),
        ([DivisionRow("99", "南浦市", "city", parent="990101")], services.CircularDivision),
        ([DivisionRow("1/2", "a", "city")], services.BadDivision),
    ],
)
def test_bad_divisions_change_nothing(rows: list[DivisionRow], error: type[Exception]) -> None:
    services.upsert_divisions(TREE, actor_ref=ACTOR)
    before = list(Division.objects.values_list("code", "path", "name"))
    with pytest.raises(error):
        services.upsert_divisions([DivisionRow("97", "新", "city"), *rows], actor_ref=ACTOR)
    assert list(Division.objects.values_list("code", "path", "name")) == before
