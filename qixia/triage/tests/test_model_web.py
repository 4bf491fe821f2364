"""The model page: who reads, who acts, what it says of an empty town and of a busy one, and what it costs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from qixia.jobs.worker import run_pending
from qixia.kernel import clock
from qixia.people.sessions import BACKEND
from qixia.policy import queries as policy
from qixia.policy.models import RuleVersion
from qixia.policy.services import publish, publish_seeds
from qixia.triage import active, services
from qixia.triage import overview as reads
from qixia.triage.models import Figures, LearningRun
from qixia.triage.services import counting
from qixia.triage.services.switching import SENTENCE
from qixia.triage.settled import Week
from qixia.triage.tests.made import Parrot, correct_one, model, settled, staff

REASON = "试跑里判得更准，城管例会同意"


@pytest.fixture
def room(learning, monkeypatch):
    monkeypatch.setattr(active, "shipped", lambda: model({"铁疙瘩": "road-damage"}))
    publish_seeds()
    return learning


def client(role: str, name: str = "知秋") -> Client:
    found = Client()
    found.force_login(staff(role, name), backend=BACKEND)
    return found


def page(who: Client, query: str = "") -> str:
    answer = who.get(reverse("triage:model") + query)
    assert answer.status_code == 200
    return answer.content.decode()


def draft() -> str:
    return services.store(
        model=model({"铁疙瘩": "manhole"}),
        figures={"learnt": 4, "new": {"voices": {"n": 9, "macro_f1": 0.81}}, "now": {"voices": {"macro_f1": 0.7}}},
        actor="person:a",
    )


def test_an_empty_town_says_so_and_offers_what_can_be_done(room):
    html = page(client("admin", "管理"))
    for words in ("随系统发布的模型", "还没有更正", "还没有数", "0</b>"):
        assert words in html
    assert 'data-testid="train" disabled' in html
    assert 'data-testid="switch-back"' not in html


def test_a_clerk_reads_and_finds_no_button(room):
    artefact = draft()
    clerk = client("clerk")
    for html in (page(clerk), clerk.get(reverse("triage:model-one", args=[artefact])).content.decode()):
        assert 'method="post" action="/desk/model' not in html
    assert "训练和启用由管理员来做" in page(clerk)


@pytest.mark.parametrize("role", ["clerk", "worker", "unit_lead", "data_officer", "rider"])
@pytest.mark.parametrize("what", ["model-train", "model-back", "model-try", "model-switch"])
def test_only_administrators_act(room, role, what):
    artefact = draft()
    correct_one("report:1")
    address = reverse(f"triage:{what}", args=[artefact] if what in ("model-try", "model-switch") else [])
    answer = client(role).post(address, {"reason": REASON, "sentence": SENTENCE, "after": "1"})
    assert answer.status_code == 403
    assert not LearningRun.objects.exists()
    assert RuleVersion.objects.filter(kind="triage.model").count() == 1


@pytest.mark.parametrize("role", ["worker", "unit_lead", "rider", "auditor"])
def test_others_read_nothing(room, role):
    who = client(role)
    for address in (
        reverse("triage:model"),
        reverse("triage:model-runs"),
        reverse("triage:model-one", args=["shipped"]),
    ):
        assert who.get(address).status_code == 403


@pytest.mark.parametrize("artefact", ["0" * 64, "x", "shipped2", "²" * 64, "a" * 65])
def test_a_model_that_is_not_there_is_not_found(room, artefact):
    admin = client("admin")
    assert admin.get(f"/desk/model/{artefact}/").status_code == 404
    assert admin.post(f"/desk/model/{artefact}/switch", {"reason": REASON}).status_code == 404
    assert admin.post(f"/desk/model/{artefact}/try").status_code == 404


def test_the_confusions_are_counted_the_worst_first(room):
    for n in range(3):
        correct_one(f"report:{n}")
    services.correct(
        ref="report:9", text="一堆纸箱", cls="litter", severity="low", was_cls="clutter", was_severity="low",
        model="shipped", actor="person:clerk",
    )  # fmt: skip
    services.correct(
        ref="report:10", text="箱子", cls="clutter", severity="low", was_cls="clutter", was_severity="low",
        model="shipped", actor="person:clerk",
    )  # fmt: skip
    with clock.at(clock.now() - timedelta(days=40)):
        correct_one("report:old")
    html = page(client("clerk"))
    assert "人定过 5 件，其中 1 件和机器一样" in html
    assert "级别改高 3 件，改低 0 件" in html
    pairs = html[html.index('data-testid="pairs"') :]
    first = pairs[: pairs.index("</li>")]
    assert "道路破损坑洼" in first
    assert "<b>3</b>" in first
    assert "/ 2</span>" in pairs  # two were called clutter, one was not
    assert "人定过 6 件" in page(client("clerk", "另一位"), "?days=90")
    assert "人定过 5 件" in page(client("clerk", "第三位"), "?days=nonsense")


def test_the_curves_tell_of_real_weeks_and_of_missing_ones(room):
    monday = clock.city_date(clock.now()) - timedelta(days=clock.city_date(clock.now()).weekday())
    for back, doubted in ((1, 5), (2, 4), (3, 3), (6, 2)):
        room.counted.append(
            Week(
                monday - timedelta(weeks=back),
                20,
                doubted,
                0.8,
                {"manhole": 15, "litter": 5} if back > 1 else {"fire": 20},
            )
        )
    html = page(client("clerk"))
    assert "5 / 20 件" in html
    assert "25%" in html
    assert "80%" in html
    curve = html[html.index('aria-label="转人工') :]
    curve = curve[: curve.index("</svg>")]
    assert curve.count("<path") == 3  # the ground, a lone week, three weeks in a row
    mix = html[html.index('aria-label="类别分布变动') :]
    assert "0.00（20 件）" in mix
    assert "6.97（20 件）" in mix  # another mix altogether


def test_a_large_city_reads_what_was_counted_within_the_hour(room, monkeypatch):
    monday = clock.city_date(clock.now()) - timedelta(days=clock.city_date(clock.now()).weekday())
    for back in range(16):
        room.counted.append(Week(monday - timedelta(weeks=back), 20, back, 0.8, {"manhole": 15, "litter": back}))
    for n in range(5):
        correct_one(f"report:{n}")
    now = clock.now()

    def shown() -> list[object]:
        return [reads.drift(now), reads.lessons_waiting(), *(reads.corrections(days) for days in reads.DAYS)]

    live = shown()
    services.count_figures()
    assert not Figures.objects.exists()  # so little is counted as the page is opened
    monkeypatch.setattr(counting, "LIVE", 4)
    services.count_figures()
    assert shown() == live
    monkeypatch.setattr(room, "weeks", lambda _mondays: pytest.fail("weeks of rows were read"))
    correct_one("report:later")
    with CaptureQueriesContext(connection) as seen:
        assert shown() == live
    assert len(seen.captured_queries) == 5
    assert all('"triage_figures"' in one["sql"] for one in seen.captured_queries)
    html = page(client("clerk"))
    assert "人定过 5 件" in html
    with clock.at(now + timedelta(weeks=1)):  # a week that began since is empty until it is counted
        assert reads.drift(clock.now()).doubted[-1].whole == 0
        assert reads.drift(clock.now()).doubted[-2] == live[0].doubted[-1]


def test_training_is_asked_for_once_and_its_progress_is_shown(room):
    correct_one("report:1")
    admin = client("admin", "管理")
    assert admin.post(reverse("triage:model-train")).status_code == 303
    html = page(admin)
    assert 'data-testid="run-train"' in html
    assert "排队中" in html
    assert "已经有一次在跑" in admin.post(reverse("triage:model-train"), follow=True).content.decode()
    assert LearningRun.objects.count() == 1
    LearningRun.objects.update(state="running", done=40)
    assert "40%" in admin.get(reverse("triage:model-runs")).content.decode()
    assert services.train(run=LearningRun.objects.get().public_id, teacher=Parrot())
    over = admin.get(reverse("triage:model-runs"))
    assert (over.status_code, over.headers["HX-Refresh"]) == (204, "true")
    assert page(admin).count('data-testid="model-row"') == 2


def test_a_training_that_failed_is_told(room):
    correct_one("report:1")
    admin = client("admin", "管理")
    admin.post(reverse("triage:model-train"))
    services.fail_run(run=LearningRun.objects.get().public_id, fault="killed")
    assert "多半是内存不够" in page(admin)


def test_try_compare_switch_on_and_back(room):
    artefact = draft()
    for n in range(40):
        text, cls = ("铁疙瘩响", "manhole") if n % 4 == 0 else ("说不清", "other")
        room.rows.append(settled(str(n), text, cls, "high"))
    room.visible = {"report:0"}
    admin = client("admin", "管理")
    here = reverse("triage:model-one", args=[artefact])
    assert "还没有试跑过" in admin.get(here).content.decode()
    assert admin.post(reverse("triage:model-try", args=[artefact])).status_code == 303
    run_pending()
    html = admin.get(here).content.decode()
    assert '<b data-testid="changed">10</b>' in html
    assert html.count('data-testid="changed-report"') == 1
    assert "另有 9 件不在你管的地方" in html
    assert 'name="sentence"' not in html
    answer = admin.post(reverse("triage:model-switch", args=[artefact]), {"reason": REASON, "after": "1"})
    assert (answer.status_code, answer.url) == (303, "/desk/model/")
    html = page(admin)
    assert REASON in html
    assert f"换回{'随系统发布的模型'}" in html
    assert services.classify("铁疙瘩").cls == "manhole"
    assert admin.post(reverse("triage:model-back"), {"after": "2"}).status_code == 303
    assert services.classify("铁疙瘩").cls == "road-damage"
    assert "换回上一个模型" in page(admin)


def test_a_refused_switch_keeps_what_was_written(room):
    artefact = draft()
    admin = client("admin", "管理")
    address = reverse("triage:model-switch", args=[artefact])
    for given, words in (
        ({"reason": "好"}, "请写明缘由"),
        ({"reason": REASON}, "还没有和现在用的模型比过"),
        ({"reason": REASON, "sentence": SENTENCE, "after": "7"}, "别人刚刚处理过"),
    ):
        answer = admin.post(address, {"after": "1"} | given)
        assert answer.status_code in (409, 422)
        html = answer.content.decode()
        assert words in html
        assert f'value="{given["reason"]}"' in html
    assert active.chosen()[0] == "shipped"


def test_a_model_that_cannot_be_read_is_told_to_everybody_who_looks(room):
    publish("triage.model", {"artefact": "a" * 64}, note="x", actor_ref="person:a")
    html = page(client("clerk"))
    assert 'data-testid="model-fault"' in html
    assert "现在由随系统发布的模型顶着" in html


def test_the_rules_page_shows_the_policy_and_does_not_publish_it(room):
    admin = client("admin", "管理")
    address = reverse("policy:kind", args=["triage.model"])
    html = admin.get(address).content.decode()
    assert reverse("triage:model") in html
    assert 'name="data"' not in html
    assert admin.post(address, {"data": f"artefact: {'a' * 64}", "note": "x", "after": "1"}).status_code == 403
    assert RuleVersion.objects.filter(kind="triage.model").count() == 1


def test_the_page_costs_the_same_however_much_there_is(room, django_assert_max_num_queries):
    admin = client("admin", "管理")
    correct_one("report:first")
    draft()
    page(admin)
    policy.forget()
    with django_assert_max_num_queries(30) as few:
        page(admin)
    for n in range(20):
        correct_one(f"report:{n}")
        services.store(model=model({f"词{n}": "manhole"}), figures={}, actor="person:a")
    policy.forget()
    with django_assert_max_num_queries(len(few.captured_queries)):
        page(admin)
