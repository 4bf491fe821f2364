"""Switching a model on and back: who may, what is refused, what a corrupt artefact does, and two who switch at once."""

from __future__ import annotations

import io
import pickle
import zipfile
from functools import partial
from hashlib import sha256

import numpy as np
import pytest
from django.apps import apps

from qixia.audit.rules import NoReason
from qixia.kernel import clock
from qixia.kernel.errors import NotAllowed, Stale
from qixia.policy import queries as policy
from qixia.policy.models import RuleVersion
from qixia.policy.services import publish, publish_seeds
from qixia.triage import active, overview, services
from qixia.triage.learning.model import BadArtefact
from qixia.triage.models import LearningRun, TrainedModel
from qixia.triage.services.switching import SENTENCE, NothingBefore, RiskNotTaken
from qixia.triage.services.trying import BadModel, SameModel
from qixia.triage.tests.made import model, staff_actor
from tests.harness.race import at_once

REASON = "试跑里判得更准，城管例会同意"


@pytest.fixture
def admin(learning, monkeypatch):
    monkeypatch.setattr(active, "shipped", lambda: model({"铁疙瘩": "road-damage"}))
    publish_seeds()
    return staff_actor("admin")


@pytest.fixture
def draft(admin):
    return services.store(model=model({"铁疙瘩": "manhole"}), figures={}, actor=admin.ref)


def tried(artefact: str, against: str = "shipped", *, now: int = 1, new: int = 0) -> None:
    LearningRun.objects.create(
        kind="shadow",
        state="done",
        asked_at=clock.now(),
        asked_by="person:a",
        artefact=artefact,
        against=against,
        summary={"missed_now": now, "missed_new": new},
    )


def version() -> int:
    return overview.overview().version


def switch(actor, artefact: str, **more) -> None:
    services.switch_model(**({"actor": actor, "artefact": artefact, "reason": REASON, "after": version()} | more))


def verdict() -> str:
    return services.classify("这个铁疙瘩").cls


def test_a_switch_is_a_version_of_the_policy_and_judges_from_then_on(admin, draft):
    tried(draft)
    assert verdict() == "road-damage"
    switch(admin, draft)
    assert verdict() == "manhole"
    latest = policy.history("triage.model")[0]
    assert (latest.data, latest.note, latest.published_by) == ({"artefact": draft}, REASON, admin.ref)
    event = apps.get_model("audit", "AuditEvent").objects.get(action="triage.model_switched")
    assert (event.actor, event.subject, event.data["before"]) == (admin.ref, f"model:{draft}", "shipped")


def test_one_step_back_needs_no_reason_and_no_trial(admin, draft):
    tried(draft)
    switch(admin, draft)
    assert services.switch_back(actor=admin, after=version()) == "shipped"
    assert (active.chosen()[0], verdict()) == ("shipped", "road-damage")
    assert services.switch_back(actor=admin, after=version()) == draft  # and forth again


def test_nothing_was_before_the_first(admin):
    with pytest.raises(NothingBefore):
        services.switch_back(actor=admin, after=version())
    assert RuleVersion.objects.filter(kind="triage.model").count() == 1


@pytest.mark.parametrize("figures", [None, {"now": 1, "new": 2}], ids=["not tried", "misses more"])
def test_a_risk_is_taken_in_words_or_not_at_all(admin, draft, figures):
    if figures:
        tried(draft, **figures)
    for sentence in ("", "好", SENTENCE[:-1]):
        with pytest.raises(RiskNotTaken) as refusal:
            switch(admin, draft, sentence=sentence)
        assert refusal.value.field == "sentence"
    assert active.chosen()[0] == "shipped"
    switch(admin, draft, sentence=f" {SENTENCE} ")
    assert active.chosen()[0] == draft


def test_a_trial_against_another_model_is_no_trial(admin, draft):
    tried(draft, against="0" * 64)
    with pytest.raises(RiskNotTaken):
        switch(admin, draft)


def test_the_latest_trial_counts(admin, draft):
    tried(draft)
    tried(draft, now=0, new=3)
    with pytest.raises(RiskNotTaken):
        switch(admin, draft)


@pytest.mark.parametrize("role", ["clerk", "unit_lead", "worker"])
def test_others_switch_nothing(admin, draft, role):
    tried(draft)
    other = staff_actor(role, "别人")
    for act in (
        lambda: switch(other, draft, sentence=SENTENCE),
        lambda: services.switch_back(actor=other, after=version()),
    ):
        with pytest.raises(NotAllowed):
            act()
    assert RuleVersion.objects.filter(kind="triage.model").count() == 1


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"reason": ""}, NoReason),
        ({"reason": "好好好好好好"}, NoReason),
        ({"artefact": "shipped"}, SameModel),
        ({"artefact": "0" * 64}, BadModel),
        ({"artefact": "../../etc/passwd"}, BadModel),
        ({"after": 0}, Stale),
        ({"after": 99}, Stale),
    ],
)
def test_refusals_change_nothing(admin, draft, changes, refusal):
    tried(draft)
    with pytest.raises(refusal):
        services.switch_model(
            **{"actor": admin, "artefact": draft, "reason": REASON, "after": 1, "sentence": SENTENCE} | changes
        )
    assert RuleVersion.objects.filter(kind="triage.model").count() == 1
    assert (active.chosen()[0], verdict()) == ("shipped", "road-damage")


# ── corrupt artefacts ─────────────────────────────────────────────────────────


def zipped(**arrays: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def with_pickle() -> bytes:
    """An npz whose array is a pickle that would run something."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        payload = pickle.dumps(np.array([{"a": 1}], dtype=object))
        file.writestr("head.npy", payload)
        plain = io.BytesIO()
        np.save(plain, np.array([{"a": 1}], dtype=object), allow_pickle=True)
        file.writestr("floors.npy", plain.getvalue())
    return out.getvalue()


def changed(name: str, content: bytes) -> bytes:
    """The artefact with one member replaced."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(good())) as old, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, content if info.filename == name else old.read(info))
    return out.getvalue()


def array(values: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, values)
    return out.getvalue()


def other_version() -> bytes:
    with zipfile.ZipFile(io.BytesIO(good())) as file:
        head = np.load(io.BytesIO(file.read("head.npy"))).tobytes()
    return changed("head.npy", array(np.frombuffer(head.replace(b'"version": ', b'"version": 9'), dtype=np.uint8)))


def bomb() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("head.npy", b"\0" * 80_000_000)
    return out.getvalue()


def good() -> bytes:
    return model({"铁疙瘩": "manhole"}).to_bytes()


CORRUPT = {
    "empty": lambda: b"",
    "random bytes": lambda: bytes(range(256)) * 40,
    "truncated": lambda: good()[: len(good()) // 2],
    "one byte short": lambda: good()[:-1],
    "no zip": lambda: b"PK\x03\x04" + b"x" * 500,
    "empty zip": lambda: zipped(),
    "a pickle inside": with_pickle,
    "a pickle itself": lambda: pickle.dumps({"a": 1}),
    "wrong shape": lambda: changed("chars.bias.npy", array(np.zeros(3, dtype=np.float32))),
    "texts for numbers": lambda: changed("chars.bias.npy", array(np.array(["a", "b"]))),
    "not a number": lambda: changed("full.classes.npy", array(np.full(4, np.nan, dtype=np.float32))),
    "other version": other_version,
    "zip bomb": bomb,
    "too large": lambda: b"\0" * 17_000_000,
}


def planted(data: bytes) -> str:
    """As bytes that came into the table past our own services: under their own hash."""
    artefact = sha256(data).hexdigest()
    TrainedModel.objects.create(sha256=artefact, name="planted", data=data, made_at=clock.now(), made_by="person:a")
    return artefact


@pytest.mark.parametrize("what", CORRUPT)
def test_a_corrupt_artefact_is_refused_and_the_one_in_use_stays(admin, what):
    artefact = planted(CORRUPT[what]())
    with pytest.raises(BadModel):
        switch(admin, artefact, sentence=SENTENCE)
    assert (active.chosen()[0], verdict()) == ("shipped", "road-damage")
    assert RuleVersion.objects.filter(kind="triage.model").count() == 1


@pytest.mark.parametrize("what", CORRUPT)
def test_a_corrupt_artefact_in_use_lets_the_shipped_one_serve_and_is_named(admin, what):
    artefact = planted(CORRUPT[what]())
    publish("triage.model", {"artefact": artefact}, note="past the page", actor_ref="person:a")
    assert verdict() == "road-damage"
    found = active.state()
    assert (found.wanted, found.serving, bool(found.fault)) == (artefact, "shipped", True)


def test_bytes_that_were_changed_in_the_table_are_not_believed(admin, draft):
    """Also where they are a good model: the hash says which one was trained."""
    TrainedModel.objects.filter(sha256=draft).update(data=model({"铁疙瘩": "fire"}).to_bytes())
    with pytest.raises(BadModel):
        switch(admin, draft, sentence=SENTENCE)
    with pytest.raises(BadArtefact):
        active.load(draft)


def test_without_any_model_the_words_decide(admin, draft, monkeypatch):
    def broken():
        raise BadArtefact("gone")

    monkeypatch.setattr(active, "shipped", broken)
    active.forget()
    assert active.model() is None
    assert (active.state().serving, active.state().fault) == (active.WORDS, "gone")
    assert services.classify("井盖没了").cls == "manhole"


def test_a_fault_is_looked_at_again_after_a_while(admin, draft, monkeypatch):
    data = bytes(TrainedModel.objects.get().data)
    TrainedModel.objects.update(data=b"")
    publish("triage.model", {"artefact": draft}, note="x", actor_ref="person:a")
    assert active.state().fault
    TrainedModel.objects.update(data=data)
    assert active.state().fault  # not read anew at each report
    monkeypatch.setattr(active, "RETRY_S", 0.0)
    assert (active.state().fault, active.state().serving) == ("", draft)


def test_a_verdict_costs_no_query_once_the_model_is_there(admin, draft, django_assert_num_queries):
    tried(draft)
    switch(admin, draft)
    verdict()
    with django_assert_num_queries(0):
        verdict()


# ── races ─────────────────────────────────────────────────────────────────────


@pytest.mark.django_db(transaction=True)
def test_of_two_who_switch_at_once_one_is_told(transactional_db, monkeypatch):
    monkeypatch.setattr("qixia.triage.learning.vectors.available", lambda: False)
    monkeypatch.setattr(active, "shipped", lambda: model({"铁疙瘩": "road-damage"}))
    active.forget()
    policy.forget()
    publish_seeds()
    admins = [staff_actor("admin", name) for name in ("甲", "乙")]
    drafts = [services.store(model=model({"铁疙瘩": cls}), figures={}, actor="person:a") for cls in ("manhole", "fire")]
    for one in drafts:
        tried(one)
    seen = version()

    def act(index: int) -> None:
        services.switch_model(actor=admins[index], artefact=drafts[index], reason=REASON, after=seen)

    outcomes = at_once([partial(act, 0), partial(act, 1)])
    assert sorted(one.kind for one in outcomes) == ["Stale", "done"], outcomes
    policy.forget()
    assert active.chosen()[0] == drafts[[one.kind for one in outcomes].index("done")]
    assert RuleVersion.objects.filter(kind="triage.model").count() == 2
