"""Forms of gifts. What they let through is checked again by the services; they exist for good words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qixia.gifts import states
from qixia.gifts.rules import SharingPolicy
from qixia.gifts.rules import forms as shapes
from qixia.kernel import clock
from qixia.people.queries import employers
from qixia.policy.queries import current


def _moment(label: Any, help_text: Any = "") -> forms.DateTimeField:
    widget = forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M")
    return forms.DateTimeField(label=label, help_text=help_text, widget=widget)


def _kinds() -> list[tuple[str, str]]:
    policy: SharingPolicy = current("gifts.sharing").data
    return [(one.slug, gettext(one.title)) for one in policy.kinds]


def _platforms() -> list[tuple[str, str]]:
    return [(one.code, one.name) for one in employers()]


class CampaignFields(forms.Form):
    title = forms.CharField(label=_("名称"), max_length=40, help_text=_("比如：冬季暖心包"))
    kind = forms.ChoiceField(label=_("哪种活动"), choices=_kinds)
    way = forms.ChoiceField(
        label=_("怎么分"),
        choices=[(states.BY_DRAW, _("报名，再按规则和摇号分")), (states.ON_JOINING, _("入会就有，不摇号"))],
    )
    what = forms.CharField(label=_("里面有什么"), max_length=200, help_text=_("比如：围巾、护膝、暖贴十片"))
    division = forms.ChoiceField(label=_("在哪里发"), help_text=_("这里面的发放点；骑手不分社区，都可以来"))
    platforms = forms.MultipleChoiceField(
        label=_("只给这些平台（不选：都给）"), choices=_platforms, required=False, widget=forms.CheckboxSelectMultiple
    )
    reach = forms.ChoiceField(
        label=_("给哪些入会的人"),
        choices=[(key, _(label)) for key, label in states.REACH_LABELS.items()],
        required=False,
        help_text=_("只对入会礼包有用；一人一份，不会重复"),
    )
    joined_since = forms.DateField(
        label=_("从哪一天起入会的"), required=False, widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    starts_at = _moment(_("从什么时候起"))
    ends_at = _moment(_("报名截止"), _("入会礼包：到这时为止入会的都有"))
    collect_until = _moment(_("领取截止"))

    def __init__(self, *args: Any, places: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["division"].choices = places  # type: ignore[attr-defined]

    def as_form(self) -> shapes.CampaignForm:
        data = dict(self.cleaned_data)
        data |= {"platforms": tuple(data["platforms"]), "reach": data["reach"] or states.FROM_NOW}
        return shapes.CampaignForm(**data)


class DonationFields(forms.Form):
    donor = forms.CharField(label=_("捐赠方"), max_length=60, help_text=_("单位或名字，会写在公开的捐赠页上"))
    what = forms.CharField(label=_("捐了什么"), max_length=120)
    count = forms.IntegerField(label=_("多少份"), min_value=1, max_value=shapes.MOST)
    value = forms.DecimalField(label=_("一共值多少元"), min_value=Decimal(0), decimal_places=2, max_digits=14)
    given_on = forms.DateField(label=_("捐赠日期"), widget=forms.DateInput(attrs={"type": "date"}))
    for_whom = forms.CharField(label=_("捐给谁"), max_length=200, required=False)
    paper = forms.CharField(label=_("捐赠函编号"), max_length=80, required=False)
    thanks = forms.CharField(label=_("感谢的话"), max_length=200, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["given_on"].initial = clock.city_date(clock.now())

    def as_form(self, donor: str, campaign: str) -> shapes.DonationForm:
        data = self.cleaned_data
        return shapes.DonationForm(
            donor=donor,
            campaign=campaign,
            what=data["what"],
            count=data["count"],
            value_fen=int(data["value"] * 100),
            given_on=data["given_on"],
            for_whom=data["for_whom"],
            paper=data["paper"],
        )


class PlaceFields(forms.Form):
    name = forms.CharField(label=_("名称"), max_length=40)
    kind = forms.ChoiceField(label=_("哪种地方"), choices=[(k, _(v)) for k, v in states.PLACE_KINDS.items()])
    organisation = forms.CharField(
        label=_("哪个单位的"), max_length=40, help_text=_("单位代码；这个单位的人都可以发放")
    )
    address = forms.CharField(label=_("地址"), max_length=120)
    opening = forms.CharField(
        label=_("发放时间"), max_length=300, help_text=_("比如：周一至周五 8:00-20:00；周六 10:00-18:00")
    )
    lat = forms.FloatField(label=_("纬度"))
    lng = forms.FloatField(label=_("经度"))

    def as_form(self) -> shapes.PlaceForm:
        return shapes.PlaceForm(**{name: self.cleaned_data[name] for name in PlaceFields.base_fields})


class PlaceEdit(PlaceFields):
    """A place that is there."""

    is_active = forms.BooleanField(label=_("在用"), required=False, help_text=_("停用以后不收货，也不发放"))


class PromiseFields(forms.Form):
    """Which public value will count."""

    source = forms.CharField(
        label=_("用哪个公开数"),
        max_length=200,
        help_text=_("写明哪一期，比如：中国福利彩票双色球 2026135 期开奖号码。报名截止后才产生，谁也选不了。"),
    )
    source_at = _moment(_("什么时候公布"))
    numbers = forms.IntegerField(
        label=_("一共几个号码"),
        min_value=3,
        max_value=50,
        initial=7,
        help_text=_("比如双色球：六个红球加一个蓝球，是 7 个"),
    )


class AgainFields(PromiseFields):
    collect_until = _moment(_("新的领取截止"))


#: Names that services give to fields that stand under another name in the form.
RENAMED = {"value_fen": "value", "hours": "opening"}
