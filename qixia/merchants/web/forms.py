"""Forms of merchants. What they let through is checked again by the services; they exist for good words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from qixia.kernel import clock
from qixia.kernel.errors import Invalid
from qixia.kernel.geo import Point
from qixia.merchants import rules
from qixia.merchants.services import NewShop
from qixia.places.queries import find_words
from qixia.policy.queries import current


def _places() -> list[tuple[str, str]]:
    policy: rules.KindsPolicy = current("merchants.kinds").data
    return [(one.slug, gettext(one.title)) for one in policy.kinds]


def _papers() -> list[tuple[str, str]]:
    policy: rules.KindsPolicy = current("merchants.kinds").data
    return [(one.slug, gettext(one.title)) for one in policy.papers]


class ApplyForm(forms.Form):
    kind = forms.ChoiceField(label=_("店的种类"), choices=_places)
    address = forms.CharField(
        label=_("地址"), max_length=120, help_text=_("路名和门牌号，比如：云帆路 66 号。骑手照着这个找。")
    )
    opening = forms.CharField(
        label=_("营业时间"), max_length=300, help_text=_("比如：周一至周五 8:00-20:00；周六 10:00-18:00")
    )
    phone = forms.CharField(
        label=_("店里的电话"),
        max_length=40,
        required=False,
        help_text=_("骑手看得到，可以直接打。没有就不填。"),
        widget=forms.TextInput(attrs={"type": "tel"}),
    )
    lat = forms.FloatField(required=False, widget=forms.HiddenInput)
    lng = forms.FloatField(required=False, widget=forms.HiddenInput)


class OpenForm(ApplyForm):
    """By the office, for a shop without an account."""

    name = forms.CharField(label=_("店名"), max_length=40)
    keeper = forms.CharField(label=_("店主怎么称呼"), max_length=16, help_text=_("比如：陈店主"))
    keeper_phone = forms.CharField(
        label=_("店主的手机号"),
        max_length=20,
        help_text=_("店主用这个号码收验证码登录，别人看不到"),
        widget=forms.TextInput(attrs={"type": "tel", "autocomplete": "off"}),
    )
    field_order = ("name", "kind", "address", "opening", "phone", "keeper", "keeper_phone")

    def as_shop(self, lat: float, lng: float) -> NewShop:
        data = self.cleaned_data
        said = {name: data[name] for name in self.field_order}
        return NewShop(**said, lat=lat, lng=lng)


class PhoneForm(forms.Form):
    phone = forms.CharField(
        label=_("店里的电话"),
        max_length=40,
        required=False,
        help_text=_("骑手看得到，可以直接打。清空就不显示。"),
        widget=forms.TextInput(attrs={"type": "tel"}),
    )


class PaperForm(forms.Form):
    kind = forms.ChoiceField(label=_("哪种证照"), choices=_papers)
    photo = forms.FileField(
        label=_("拍一张"), help_text=_("整张拍进去，字要看得清"), widget=forms.FileInput(attrs={"accept": "image/*"})
    )


class HoursForm(forms.Form):
    opening = forms.CharField(
        label=_("营业时间"), max_length=300, help_text=_("比如：周一至周五 8:00-20:00；周六 10:00-18:00")
    )


class PerkFields(forms.Form):
    kind = forms.ChoiceField(
        label=_("怎么优惠"),
        choices=[(rules.PERCENT, _("打折")), (rules.PRICE, _("骑手价")), (rules.FREE, _("免费"))],
    )
    title = forms.CharField(label=_("名称"), max_length=40, help_text=_("比如：全场八折、骑手价午餐"))
    percent_off = forms.IntegerField(
        label=_("便宜百分之几"), min_value=1, max_value=99, required=False, help_text=_("打折才填；八折填 20")
    )
    price = forms.DecimalField(label=_("骑手价（元）"), min_value=Decimal("0.01"), decimal_places=2, required=False)
    usual = forms.DecimalField(label=_("原价（元）"), min_value=Decimal("0.01"), decimal_places=2, required=False)
    starts_on = forms.DateField(label=_("从哪天"), widget=forms.DateInput(attrs={"type": "date"}))
    ends_on = forms.DateField(label=_("到哪天"), required=False, widget=forms.DateInput(attrs={"type": "date"}))
    conditions = forms.CharField(label=_("条件"), max_length=200, required=False)
    show = forms.CharField(
        label=_("骑手出示什么"), max_length=60, required=False, help_text=_("不填：出示手机上这一页")
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["starts_on"].initial = clock.city_date(clock.now())

    def as_perk(self) -> rules.PerkForm:
        data = self.cleaned_data
        return rules.PerkForm(
            kind=data["kind"],
            title=data["title"],
            starts_on=data["starts_on"],
            percent_off=data["percent_off"],
            price_fen=_fen(data["price"]),
            usual_fen=_fen(data["usual"]),
            ends_on=data["ends_on"],
            conditions=data["conditions"],
            show=data["show"],
        )


def _fen(yuan: Decimal | None) -> int | None:
    return None if yuan is None else int(yuan * 100)


def place_of(form: ApplyForm) -> Point:
    """Where the pin is; without one, where the address says."""
    data = form.cleaned_data
    if data["lat"] is not None and data["lng"] is not None:
        return Point(data["lat"], data["lng"])
    hit = find_words(data["address"])
    if hit is None:
        raise Invalid("地图上没有这个门牌。请打开下面的地图点一下，或在店里点“用我现在的位置”。", field="address")
    return hit.point


#: Names that services give to fields that stand under another name in the form.
RENAMED = {"price_fen": "price", "usual_fen": "usual", "hours": "opening", "place": "address"}
