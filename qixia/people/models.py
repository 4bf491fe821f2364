"""Persons and what they may do: people, riders, organisations, roles, consent, ways to sign in.

Truth    rows here. Phone and real name are sealed with a key of the person's own (PersonKey, itself wrapped by the
         master key outside the database): deleting that row erases them everywhere but in backups of the
         database from before, which expire. `phone_index` is a keyed hash: a number is found without being stored.
Times    UTC.
"""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.ids import PUBLIC_ID_LENGTH, new_public_id
from qixia.people.rules import CONSENT_KINDS, ORGANISATION_KINDS, ROLE_LABELS, ROLES

INDEX_LENGTH = 40  # kernel.keys.blind_index


class PersonManager(BaseUserManager["Person"]):
    """People are made by `people.services.create_person`, which leaves an audit event; hence no create_user here."""


class Person(AbstractBaseUser):
    """Anybody known to the city: a rider, somebody of a unit, a shop's keeper. One person, one row, several roles."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    # Staff only: riders have a phone and no password.
    username = models.CharField(_("用户名"), max_length=32, unique=True, null=True, blank=True)
    is_active = models.BooleanField(_("可用"), default=True)
    display_name = models.CharField(_("称呼"), max_length=40)
    language = models.CharField(_("语言"), max_length=8, default="zh-hans")
    sealed_phone = models.BinaryField(null=True, editable=False)
    sealed_real_name = models.BinaryField(null=True, editable=False)
    # Null, not "": many people have no phone, and each number may be there once.
    phone_index = models.CharField(max_length=INDEX_LENGTH, unique=True, null=True, editable=False)  # noqa: DJ001
    created_at = models.DateTimeField(_("加入时间"), default=clock.now, editable=False)
    is_demo = models.BooleanField(_("演示数据"), default=False, editable=False)
    erased_at = models.DateTimeField(null=True, editable=False)

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects = PersonManager()

    class Meta:
        verbose_name = _("人员")
        verbose_name_plural = _("人员")

    def __str__(self) -> str:
        return self.display_name

    def natural_key(self) -> tuple[str]:
        return (self.public_id,)

    # Django's admin asks these four. Only the administrator's role opens it, and it opens all of it.
    @property
    def is_staff(self) -> bool:
        return self.is_active and "admin" in self._live_roles()

    def has_perm(self, perm: str, obj: Any = None) -> bool:
        return self.is_staff

    def has_perms(self, perms: list[str], obj: Any = None) -> bool:
        return self.is_staff

    def has_module_perms(self, app_label: str) -> bool:
        return self.is_staff

    def get_full_name(self) -> str:
        return self.display_name

    def get_short_name(self) -> str:
        return self.display_name

    def _live_roles(self) -> frozenset[str]:
        """Roles in force, asked once an object; the middleware sets `known_roles` from its own single query."""
        if not hasattr(self, "known_roles"):
            self.known_roles = frozenset(self.grants.filter(live_at(clock.now())).values_list("role", flat=True))
        return self.known_roles


class PersonKey(models.Model):
    """The wrapped data key of one person. Delete it and the person's sealed fields are noise."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, primary_key=True, related_name="key")
    wrapped = models.BinaryField()

    def __str__(self) -> str:
        return "data key"


class Organisation(models.Model):
    """A unit, community office, platform, courier or shop. Found by `code` in routing tables and seeds."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    code = models.SlugField(_("代码"), max_length=40, unique=True)
    name = models.CharField(_("名称"), max_length=80)
    kind = models.CharField(
        _("种类"), max_length=12, choices=[(key, _(label)) for key, label in ORGANISATION_KINDS.items()]
    )
    division = models.ForeignKey(
        "codes.Division", on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("所在区划")
    )
    parent = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级")
    )
    families = models.CharField(_("管哪些门类"), max_length=200, blank=True, help_text=_("门类代码，用逗号分开"))
    duties = models.TextField(_("职责"), blank=True)
    is_active = models.BooleanField(_("可用"), default=True)
    is_demo = models.BooleanField(_("演示数据"), default=False)

    class Meta:
        ordering = ("code",)
        verbose_name = _("单位")
        verbose_name_plural = _("单位")
        constraints = (
            models.CheckConstraint(
                condition=Q(kind__in=list(ORGANISATION_KINDS)), name="people_organisation_kind_known"
            ),
        )

    def __str__(self) -> str:
        return self.name


class Rider(models.Model):
    """That a person rides, for whom, since when. Nothing about a rider's work is kept here."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, primary_key=True, related_name="rider")
    platform = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, null=True, blank=True, related_name="riders", verbose_name=_("平台")
    )
    rider_no = models.CharField(_("骑手编号"), max_length=32, blank=True)
    since = models.DateField(_("登记日期"))

    class Meta:
        verbose_name = _("骑手")
        verbose_name_plural = _("骑手")

    def __str__(self) -> str:
        return str(self.person_id)


class RoleGrant(models.Model):
    """A role that a person holds in an organisation and, where it is narrower than that, in a place of the tree."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="grants", verbose_name=_("人员"))
    role = models.CharField(_("角色"), max_length=12, choices=[(key, _(label)) for key, label in ROLE_LABELS.items()])
    organisation = models.ForeignKey(
        Organisation, on_delete=models.PROTECT, related_name="grants", verbose_name=_("单位")
    )
    division = models.ForeignKey(
        "codes.Division", on_delete=models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("片区")
    )
    valid_from = models.DateTimeField(_("生效"), default=clock.now)
    valid_until = models.DateTimeField(_("到期"), null=True, blank=True)
    revoked_at = models.DateTimeField(_("收回"), null=True, blank=True)
    # Public id of the colleague who is away and for whom this is held; "" for a role of one's own.
    acting_for = models.CharField(max_length=PUBLIC_ID_LENGTH, blank=True, default="", db_default="", editable=False)

    class Meta:
        verbose_name = _("角色授予")
        verbose_name_plural = _("角色授予")
        constraints = (
            # Two constraints, because a null division counts as different from a null division.
            models.UniqueConstraint(
                fields=["person", "role", "organisation", "division"],
                condition=Q(revoked_at=None),
                name="people_grant_once_in_division",
            ),
            models.UniqueConstraint(
                fields=["person", "role", "organisation"],
                condition=Q(revoked_at=None, division=None),
                name="people_grant_once",
            ),
            models.CheckConstraint(condition=Q(role__in=ROLES), name="people_role_known"),
        )

    def __str__(self) -> str:
        return f"{self.role} {self.organisation_id}"


class Deputy(models.Model):
    """Somebody acts for a colleague who is away, from `starts_at` to before `ends_at`; `ended_at` if it ended early."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")  # who is away
    deputy = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    set_by = models.CharField(max_length=80)

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(ends_at__gt=models.F("starts_at")), name="people_deputy_in_order"),
            models.CheckConstraint(condition=~Q(person=models.F("deputy")), name="people_deputy_is_another"),
        )
        indexes = (models.Index(fields=["person", "-id"], name="people_deputies"),)

    def __str__(self) -> str:
        return self.public_id


def live_at(moment: Any, prefix: str = "") -> Q:
    """The condition that a RoleGrant (reached through `prefix`) is in force at `moment`."""
    return (
        Q(**{f"{prefix}revoked_at": None, f"{prefix}valid_from__lte": moment})
        & (Q(**{f"{prefix}valid_until": None}) | Q(**{f"{prefix}valid_until__gt": moment}))
    )  # fmt: skip


class Consent(models.Model):
    """One "yes" to one version of one text; `withdrawn_at` ends it. Rows are history and never deleted or reused."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="consents")
    kind = models.CharField(max_length=8, choices=[(k, k) for k in CONSENT_KINDS])
    version = models.PositiveIntegerField()
    given_at = models.DateTimeField(default=clock.now)
    withdrawn_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["person", "kind"], condition=Q(withdrawn_at=None), name="people_one_live_consent"
            ),
            models.CheckConstraint(condition=Q(kind__in=CONSENT_KINDS), name="people_consent_kind_known"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.version}"


class SignInCode(models.Model):
    """A one-time code on its way to a phone. The sealed message goes as soon as it is sent or used."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    phone_index = models.CharField(max_length=INDEX_LENGTH, db_index=True)
    sealed_phone = models.BinaryField(null=True)
    sealed_code = models.BinaryField(null=True)
    code_hash = models.CharField(max_length=INDEX_LENGTH)
    created_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(db_index=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)
    # Who came in with it; a retried registration answers with the same person.
    person = models.ForeignKey(Person, on_delete=models.CASCADE, null=True, related_name="+")

    def __str__(self) -> str:
        return self.public_id


class Throttle(models.Model):
    """How often something was tried in one window. `who` is a keyed hash of a phone, a name or an address."""

    scope = models.CharField(max_length=24)
    who = models.CharField(max_length=INDEX_LENGTH)
    window_s = models.PositiveIntegerField()
    window_start = models.DateTimeField(db_index=True)
    count = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["who", "scope", "window_s", "window_start"], name="people_throttle_window_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.scope} {self.count}"


class TotpDevice(models.Model):
    """The second factor of one member of staff. `last_step` never goes back, so a seen code is worthless."""

    person = models.OneToOneField(Person, on_delete=models.CASCADE, primary_key=True, related_name="totp")
    sealed_secret = models.BinaryField()
    confirmed_at = models.DateTimeField(null=True)
    last_step = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return "totp"


class Device(models.Model):
    """A browser that a person has signed in with, known by the keyed hash of a cookie. A new one leaves a notice."""

    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="devices")
    index = models.CharField(max_length=INDEX_LENGTH)
    label = models.CharField(max_length=60, blank=True)  # such as "Chrome / Android"
    first_seen = models.DateTimeField(default=clock.now)
    last_seen = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = (models.UniqueConstraint(fields=["person", "index"], name="people_device_once"),)

    def __str__(self) -> str:
        return self.label


class DataExport(models.Model):
    """A copy of somebody's own data, on its way or waiting to be fetched. The file lies sealed under a key of its own;
    row and file go when the time is over or the person is erased."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    ready_at = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)
    storage_name = models.CharField(max_length=40, blank=True, default="")
    wrapped_key = models.BinaryField(null=True)
    bytes = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["person"], condition=Q(ready_at=None, failed_at=None), name="people_one_export_under_way"
            ),
            models.CheckConstraint(
                condition=Q(ready_at=None, wrapped_key=None)
                | Q(ready_at__isnull=False, wrapped_key__isnull=False, failed_at=None),
                name="people_export_ready_has_key",
            ),
        )

    def __str__(self) -> str:
        return self.public_id


class ErasureRequest(models.Model):
    """Somebody wants to be forgotten. Carried out at `due_at` unless called off; `done_at` says that it was."""

    public_id = models.CharField(max_length=PUBLIC_ID_LENGTH, unique=True, default=new_public_id, editable=False)
    person = models.ForeignKey(Person, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(default=clock.now)
    due_at = models.DateTimeField(db_index=True)
    cancelled_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(
                fields=["person"], condition=Q(cancelled_at=None, done_at=None), name="people_one_erasure_waiting"
            ),
            models.CheckConstraint(condition=Q(cancelled_at=None) | Q(done_at=None), name="people_erasure_one_end"),
        )

    def __str__(self) -> str:
        return self.public_id
