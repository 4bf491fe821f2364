"""How long triage keeps things: fingerprints longer than any comparison looks back (see data/duplicates.yaml), the words
that people corrected for two years, how two models judged for three months, what another model said for half a year;
models for as long as one may want one back."""

from datetime import datetime

from django.db.models import QuerySet

from qixia.audit.retention import Kind, register, rows
from qixia.policy.queries import versions
from qixia.triage.choice import MODEL
from qixia.triage.models import Correction, Fingerprint, Opinion, ShadowVerdict, TrainedModel


def purge_verdicts(before: datetime, limit: int) -> int:
    """Verdicts of old trials; their summaries stay with the runs."""
    old = ShadowVerdict.objects.filter(run__asked_at__lt=before).order_by("run_id", "id")
    found = list(old.values_list("pk", flat=True)[:limit])
    ShadowVerdict.objects.filter(pk__in=found).delete()
    return len(found)


def oldest_verdict() -> datetime | None:
    asked = ShadowVerdict.objects.order_by("run_id").values_list("run__asked_at", flat=True)
    found: datetime | None = asked.first()
    return found


def purge_drafts(before: datetime, limit: int) -> int:
    """Models that were never switched on. Those that judged here stay, so that one can be brought back."""
    found = list(_drafts().filter(made_at__lt=before).order_by("made_at").values_list("pk", flat=True)[:limit])
    TrainedModel.objects.filter(pk__in=found).delete()
    return len(found)


def oldest_draft() -> datetime | None:
    found: datetime | None = _drafts().order_by("made_at").values_list("made_at", flat=True).first()
    return found


def _drafts() -> QuerySet[TrainedModel]:
    return TrainedModel.objects.exclude(sha256__in={rules.data.artefact for rules in versions(MODEL)})


register(Kind("fingerprints", "用来找出相似上报的特征", 730, *rows(Fingerprint, "at"), least=90))
register(Kind("corrections", "分拣更正（用来改进研判）", 730, *rows(Correction, "at")))
register(Kind("opinions", "另一个模型的看法", 180, *rows(Opinion, "asked_at")))
register(Kind("model-drafts", "没有启用过的模型草稿", 365, purge_drafts, oldest_draft))
register(Kind("shadow-verdicts", "模型试跑的逐件结果", 90, purge_verdicts, oldest_verdict))
