"""The seal over the books: each posting's hash by position, in batches that name the one before. Append-only.

A batch says a day and no time: the moment of a row's sealing would be one more that could be compared with others.
"""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.rewards.models.books import Posting


class Batch(models.Model):
    """Positions `first` to `last`; `hash` is over the batch before, this one's figures and all its links."""

    number = models.PositiveBigIntegerField(_("批号"), unique=True)
    first = models.PositiveBigIntegerField(_("第一位"))
    last = models.PositiveBigIntegerField(_("最后一位"))
    # The highest posting that is in this batch or one before: what is far below and not in any came afterwards.
    through = models.PositiveBigIntegerField(_("到哪一笔"))
    previous = models.CharField(_("前一批"), max_length=64)
    hash = models.CharField(_("校验值"), max_length=64)
    sealed_on = models.DateField(_("日期"))

    class Meta:
        verbose_name = _("封存批次")
        verbose_name_plural = _("封存批次")

    def __str__(self) -> str:
        return f"{self.number} {self.hash[:12]}"


class Link(models.Model):
    """One posting's place in the chain and the hash of all that it says, without its sealed words."""

    position = models.PositiveBigIntegerField(primary_key=True)
    posting = models.OneToOneField(Posting, on_delete=models.PROTECT, related_name="link", verbose_name=_("记账"))
    hash = models.CharField(_("校验值"), max_length=64)

    class Meta:
        verbose_name = _("封存")
        verbose_name_plural = _("封存")

    def __str__(self) -> str:
        return f"{self.position} {self.hash[:12]}"


class Acknowledgement(models.Model):
    """An auditor looked at one posting that no batch took in time, and says why it may stand: the next batch takes it.
    Append-only; without its event in the audit log it counts for nothing."""

    posting = models.OneToOneField(
        Posting, on_delete=models.PROTECT, related_name="acknowledged", verbose_name=_("记账")
    )
    reason = models.CharField(_("理由"), max_length=200)
    by = models.CharField(_("经手"), max_length=64)
    at = models.DateTimeField(_("时间"), default=clock.now)

    class Meta:
        verbose_name = _("迟到记账的说明")
        verbose_name_plural = _("迟到记账的说明")

    def __str__(self) -> str:
        return f"{self.posting_id} {self.by}"


class Signing(models.Model):
    """Up to `through` postings may have no keyed hash: they were there before postings had one. `mac` is the keyed hash of
    that number, so that only who has the master key can move it; the upgrade wrote it. Append-only."""

    through = models.BigIntegerField(_("到哪一笔"))
    mac = models.CharField(max_length=64)
    at = models.DateTimeField(_("时间"), default=clock.now)

    class Meta:
        verbose_name = _("记账签名的起点")
        verbose_name_plural = _("记账签名的起点")

    def __str__(self) -> str:
        return str(self.through)


class CampaignSum(models.Model):
    """What one campaign gave in all by the postings that are sealed, less what came back. Each posting is sealed once, so it
    is counted once; what is not sealed yet is few, and added up when somebody asks."""

    campaign = models.CharField(_("活动"), max_length=40, primary_key=True)
    given = models.BigIntegerField(_("已给"))

    class Meta:
        verbose_name = _("活动合计")
        verbose_name_plural = _("活动合计")

    def __str__(self) -> str:
        return f"{self.campaign} {self.given}"


class Digest(models.Model):
    """What the database makes of the rows of one batch that a whole proof found sound: computed inside it, so that it is asked
    again each night without reading the postings out. Changes only with a whole proof."""

    number = models.PositiveBigIntegerField(_("批号"), primary_key=True)
    value = models.CharField(_("校验值"), max_length=64)

    class Meta:
        verbose_name = _("批次摘要")
        verbose_name_plural = _("批次摘要")

    def __str__(self) -> str:
        return f"{self.number} {self.value[:12]}"


class Replay(models.Model):
    """What one proof of all the books found."""

    at = models.DateTimeField(_("时间"), default=clock.now)
    seconds = models.FloatField(_("用时"))
    accounts = models.PositiveBigIntegerField(_("账户"))
    postings = models.PositiveBigIntegerField(_("记账"))
    entries = models.PositiveBigIntegerField(_("分录"))
    sealed = models.PositiveBigIntegerField(_("已封存"))
    head = models.CharField(_("链头"), max_length=64, blank=True)
    sound = models.BooleanField(_("相符"))
    # Whether every sealed posting was read again, or, of the batches that an earlier proof found sound, the digests only.
    whole = models.BooleanField(_("全部重算"), db_default=True, default=True)
    # The last batch that this proof found sound, with all before it.
    through = models.PositiveBigIntegerField(_("核到哪一批"), db_default=0, default=0)
    # What was found, by kind: ids, at most a hundred of each.
    findings = models.JSONField(_("不符之处"), default=dict)

    class Meta:
        verbose_name = _("核账")
        verbose_name_plural = _("核账")
        indexes = (models.Index(fields=["-at"], name="rewards_replay_latest"),)

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d} {self.sound}"
