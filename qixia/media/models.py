"""One photo or clip that somebody gave as evidence. The file lies in the media directory, see `files`."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import new_public_id
from qixia.kernel.keys import keys
from qixia.media.sealed import unwrap_key

DESTROYED = "gone"  # in `key_id`: the key was destroyed on purpose


def seal_facts(what: str, public_id: str, facts: dict[str, Any]) -> bytes | None:
    """What stands in the column `sealed_<what>` ("claimed", "measured") of the row with this public id."""
    if not facts:
        return None
    plain = json.dumps(facts, ensure_ascii=False, separators=(",", ":")).encode()
    return keys().seal(plain, purpose=facts_purpose(what, public_id))


def facts_purpose(what: str, public_id: str) -> str:
    return f"media.{what}:{public_id}"


def _band(shift: int) -> models.Index:
    """16 of the hash's 64 bits. A featureless picture has hash 0 and stands in none."""
    return models.Index(
        models.F("phash").bitrightshift(shift).bitand(0xFFFF),
        name=f"media_hash_band_{shift}",
        condition=models.Q(phash__lt=0) | models.Q(phash__gt=0),
    )


class Evidence(models.Model):
    """`owner_ref` is the record that the photo belongs to ("report:<public id>"), never a person: who gave it is known
    to the owner only. `claimed` is what the phone said, `measured` what the file says (place, time, camera): sealed, and
    shown to nobody without a role. `digest` is equal for equal files and matches none without the key (sealed.digest_of).
    `bytes` is what the sealed file takes on disk, padded: its content's size would name a photo as well as a hash does.
    `width` and `height` are as stored until the picture is ready or held, then upright."""

    class State(models.TextChoices):
        PENDING = "pending", _("处理中")
        READY = "ready", _("可查看")
        HELD = "held", _("待人工遮挡")  # faces and plates could not be looked for: nobody sees it until a person did
        BROKEN = "broken", _("打不开")

    class Kind(models.TextChoices):
        PHOTO = "photo", _("照片")
        CLIP = "clip", _("视频")
        FRAME = "frame", _("视频画面")  # a key frame; `parent` is its clip

    class BoxesBy(models.TextChoices):
        NOBODY = "", _("还没有人看过")
        MACHINE = "machine", _("系统")
        PERSON = "person", _("人工")

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    owner_ref = models.CharField(max_length=64, db_index=True)
    kind = models.CharField(max_length=5, choices=Kind, default=Kind.PHOTO)
    parent = models.ForeignKey("self", on_delete=models.CASCADE, null=True, related_name="frames")
    duration_ms = models.PositiveIntegerField(null=True)  # of a clip
    # The file's own key, wrapped by the master key whose fingerprint is `key_id`; no key, no picture.
    wrapped_key = models.BinaryField(null=True, editable=False)
    key_id = models.CharField(max_length=8, blank=True, default="", db_index=True, editable=False)
    # What was blurred in the copies: [{"kind", "x", "y", "w", "h", "score", "by"}], pixels of the upright original.
    boxes = models.JSONField(default=list, blank=True)
    # Who looked for them last. Without anybody there is no copy to see: see media_evidence_ready_was_looked_at.
    boxes_by = models.CharField(max_length=8, choices=BoxesBy, blank=True, default="")
    # Where the picture seems to come from (rules.PROVENANCE) and what speaks for it; advice for a clerk, never a refusal.
    provenance = models.CharField(max_length=12, blank=True, default="")
    provenance_signs = models.JSONField(default=dict, blank=True)
    digest = models.CharField(max_length=64, db_index=True)
    bytes = models.PositiveBigIntegerField()
    width = models.PositiveIntegerField()
    height = models.PositiveIntegerField()
    format = models.CharField(max_length=8)
    notes = models.JSONField(default=list, blank=True)
    state = models.CharField(max_length=8, choices=State, default=State.PENDING)
    broken_reason = models.CharField(max_length=40, blank=True, default="")
    storage_name = models.CharField(max_length=40, unique=True)
    sealed_claimed = models.BinaryField(null=True, editable=False)
    sealed_measured = models.BinaryField(null=True, editable=False)
    phash = models.BigIntegerField(null=True, blank=True, db_index=True)
    colour = models.CharField(max_length=7, blank=True, default="")
    sizes = models.JSONField(default=dict, blank=True)  # size → [width, height, bytes] of the copy
    revision = models.PositiveSmallIntegerField(default=0)  # goes up when the copies are made anew; part of the ETag
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        verbose_name = _("照片")
        verbose_name_plural = _("照片")
        indexes = [_band(shift) for shift in (48, 32, 16, 0)]  # how lookalikes finds photos with nearly the same hash
        constraints = [
            models.CheckConstraint(
                condition=models.Q(state__in=["pending", "ready", "held", "broken"]), name="media_evidence_state_known"
            ),
            models.CheckConstraint(
                condition=models.Q(state="broken") ^ models.Q(broken_reason=""), name="media_evidence_broken_has_reason"
            ),
            models.CheckConstraint(
                condition=models.Q(kind="frame", parent__isnull=False)
                | (~models.Q(kind="frame") & models.Q(parent=None)),
                name="media_evidence_frame_has_clip",
            ),
            models.CheckConstraint(
                # A clip is never shown itself; its frames are.
                condition=~models.Q(state="ready") | ~models.Q(boxes_by="") | models.Q(kind="clip"),
                name="media_evidence_ready_was_looked_at",
            ),
            models.CheckConstraint(
                condition=models.Q(width__gt=0, height__gt=0, bytes__gt=0), name="media_evidence_has_size"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id

    @property
    def file_key(self) -> Any:
        """What `files.read_original` opens the file with; None for a file from before files were sealed."""
        return unwrap_key(self.wrapped_key, self.storage_name) if self.wrapped_key is not None else None

    @property
    def claimed(self) -> dict[str, Any]:
        return self._open("claimed", self.sealed_claimed)

    @claimed.setter
    def claimed(self, facts: dict[str, Any]) -> None:
        self.sealed_claimed = seal_facts("claimed", self.public_id, facts)

    @property
    def measured(self) -> dict[str, Any]:
        return self._open("measured", self.sealed_measured)

    @measured.setter
    def measured(self, facts: dict[str, Any]) -> None:
        self.sealed_measured = seal_facts("measured", self.public_id, facts)

    def _open(self, what: str, sealed: Any) -> dict[str, Any]:
        if sealed is None:
            return {}
        found: dict[str, Any] = json.loads(keys().open(bytes(sealed), purpose=facts_purpose(what, self.public_id)))
        return found


class Transfer(models.Model):
    """A file that comes in pieces; see transfers.py. `owner_index` is a keyed hash of who sends it."""

    public_id = models.CharField(max_length=26, unique=True, default=new_public_id, editable=False)
    owner_index = models.CharField(max_length=40)
    size = models.PositiveBigIntegerField()
    received = models.PositiveBigIntegerField(default=0)
    wrapped_key = models.BinaryField(editable=False)
    key_id = models.CharField(max_length=8, db_index=True, editable=False)
    created_at = models.DateTimeField(default=clock.now, db_index=True)
    used_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("分片上传")
        verbose_name_plural = _("分片上传")
        indexes = [models.Index(fields=["owner_index", "created_at"], name="media_transfer_of_owner")]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(received__lte=models.F("size"), size__gt=0), name="media_transfer_not_too_much"
            ),
        ]

    def __str__(self) -> str:
        return self.public_id
