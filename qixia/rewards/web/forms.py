"""Forms of the catalogue: an item, its photo, its times. What they let through is checked again by the services; they
exist for good words."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qixia.codes.queries import divisions_under
from qixia.kernel import clock
from qixia.people.queries import organisations
from qixia.rewards.booking import SlotPlan, read_spans
from qixia.rewards.models import Item
from qixia.rewards.services import ItemForm


class ItemFields(forms.Form):
    """`stock_change` is the whole stock of a new item and a difference for an old one."""

    name = forms.CharField(label=_("名称"), max_length=30)
    summary = forms.CharField(label=_("一句话说明"), max_length=40, required=False)
    kind = forms.ChoiceField(label=_("种类"), choices=Item.Kind.choices)
    need = forms.ChoiceField(label=_("归类"), choices=Item.Need.choices)
    merchant_id = forms.TypedChoiceField(label=_("商家"), coerce=int)
    price = forms.IntegerField(label=_("积分价"), min_value=1, max_value=100_000)
    value = forms.DecimalField(
        label=_("面值（元）"), min_value=Decimal(0), max_value=Decimal(100_000), decimal_places=2, required=False
    )
    stock_change = forms.IntegerField(label=_("库存"), min_value=-1_000_000, max_value=1_000_000, initial=0)
    limit_per_person = forms.IntegerField(label=_("每人限兑"), min_value=1, max_value=1000, required=False)
    limit_days = forms.IntegerField(
        label=_("限兑周期（天）"), min_value=1, max_value=3650, required=False, help_text=_("不填：一直算")
    )
    valid_days = forms.IntegerField(label=_("有效天数"), min_value=1, max_value=366, initial=14)
    picture = forms.ChoiceField(label=_("图画"), choices=Item.Picture.choices, help_text=_("没有照片的时候用它"))
    parts = forms.IntegerField(label=_("能用几次"), min_value=1, max_value=365, initial=1, required=False)
    by_amount = forms.BooleanField(label=_("按金额分次用"), required=False, help_text=_("像储值卡，用到面值为止"))
    windows = forms.CharField(
        label=_("可用时段"), max_length=300, required=False, help_text=_("例如：每天 22:00-6:00。不写：营业时都行")
    )
    where = forms.CharField(label=_("在店里哪儿"), max_length=60, required=False, help_text=_("实物写到哪儿领"))
    percent_off = forms.IntegerField(
        label=_("优惠百分之几"), min_value=1, max_value=100, required=False, help_text=_("20 就是 8 折")
    )
    least = forms.DecimalField(
        label=_("满多少元可用"), min_value=Decimal(0), max_value=Decimal(100_000), decimal_places=2, required=False
    )
    settle = forms.DecimalField(
        label=_("结算价（元）"),
        min_value=Decimal(0),
        max_value=Decimal(100_000),
        decimal_places=2,
        required=False,
        help_text=_("平台付给商家多少；不写：按面值。已换的券不变"),
    )
    has_slots = forms.BooleanField(
        label=_("要约时间"), required=False, help_text=_("打开以后，在“场次”里排时间；骑手选了时间才能换")
    )
    employers = forms.MultipleChoiceField(
        label=_("只给"),
        choices=[("platform", _("外卖骑手")), ("courier", _("快递小哥"))],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    earned_points = forms.IntegerField(label=_("得分满"), min_value=1, max_value=1_000_000, required=False)
    earned_days = forms.IntegerField(label=_("在多少天里"), min_value=1, max_value=366, required=False)
    joined_days = forms.IntegerField(
        label=_("加入满多少天"), min_value=1, max_value=3650, required=False, help_text=_("不写：不看")
    )
    divisions = forms.MultipleChoiceField(
        label=_("在哪儿工作的"), required=False, help_text=_("不选：全市；按住 Ctrl 可选多个")
    )
    unknown_place = forms.BooleanField(
        label=_("没登记工作地点的也给"), required=False, initial=True, help_text=_("多数骑手的资料里没有工作地点")
    )
    terms = forms.CharField(
        label=_("使用说明"), max_length=400, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )
    order = forms.IntegerField(label=_("次序"), min_value=0, max_value=9999, initial=0, help_text=_("小的在前"))
    active = forms.BooleanField(
        label=_("上架"), required=False, initial=True, help_text=_("下架后骑手看不到，已换的券照样能用")
    )
    revision = forms.IntegerField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, item: Item | None = None, **kwargs: Any) -> None:
        if item is not None:
            kwargs["initial"] = _initial(item)
        super().__init__(*args, **kwargs)
        shops = [(shop.id, shop.name) for shop in organisations("merchant")]
        self.fields["merchant_id"].choices = shops  # type: ignore[attr-defined]
        self.fields["divisions"].choices = [  # type: ignore[attr-defined]
            (row.code, ("　" if row.level == "community" else "") + row.name)
            for row in divisions_under([""], "district", "street", "community")
        ]
        if item is not None:
            self.fields["stock_change"].label = _("库存增减")
            self.fields["stock_change"].help_text = _("现有 %(stock)s 份；写 10 是加，写 -3 是减") % {
                "stock": item.stock
            }

    def as_item(self) -> ItemForm:
        data = self.cleaned_data
        names = set(ItemForm.__dataclass_fields__) - {"face_value_fen", "least_fen", "settle_fen", "eligibility"}
        return ItemForm(
            face_value_fen=_fen(data["value"]),
            least_fen=_fen(data["least"]),
            settle_fen=_fen(data["settle"]),
            eligibility=self._eligibility(),
            **{name: data[name] for name in names} | {"parts": data["parts"] or 1},
        )

    def _eligibility(self) -> dict[str, Any]:
        data = self.cleaned_data
        rule = {name: data[name] for name in ("employers", "earned_points", "earned_days", "joined_days", "divisions")}
        return {**rule, "unknown_place": data["unknown_place"]}


def _fen(yuan: Decimal | None) -> int | None:
    return None if yuan is None else int(yuan * 100)


def _yuan(fen: int | None) -> Decimal | None:
    return None if fen is None else Decimal(fen) / 100


def _initial(item: Item) -> dict[str, Any]:
    names = set(ItemForm.__dataclass_fields__) - {"face_value_fen", "least_fen", "settle_fen", "eligibility"} | {
        "revision"
    }
    rule = {"unknown_place": True, **(item.eligibility or {})}
    money = {"value": _yuan(item.face_value_fen), "least": _yuan(item.least_fen), "settle": _yuan(item.settle_fen)}
    return {name: getattr(item, name) for name in names} | rule | money | {"stock_change": 0}


class PhotoFields(forms.Form):
    photo = forms.FileField(
        label=_("照片"), widget=forms.FileInput(attrs={"accept": "image/jpeg,image/png,image/webp"})
    )
    photo_alt = forms.CharField(
        label=_("照片上是什么"), max_length=60, help_text=_("一句话，读屏时念给看不见的人：一碗热汤面，两碟小菜")
    )


WEEKDAYS = [(str(number), name) for number, name in enumerate(("周一", "周二", "周三", "周四", "周五", "周六", "周日"))]


class PlanFields(forms.Form):
    """A rule that makes slots."""

    weekdays = forms.MultipleChoiceField(
        label=_("星期"),
        choices=[(key, _(name)) for key, name in WEEKDAYS],
        widget=forms.CheckboxSelectMultiple,
        initial=["0", "1", "2", "3", "4"],
    )
    spans = forms.CharField(label=_("时间"), max_length=200, initial="9:00-12:00，14:00-18:00")
    minutes = forms.IntegerField(label=_("一场多少分钟"), min_value=5, max_value=720, initial=30)
    places = forms.IntegerField(label=_("每场几个名额"), min_value=1, max_value=500, initial=1)
    first = forms.DateField(label=_("从哪天"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    last = forms.DateField(label=_("到哪天"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    skip_holidays = forms.BooleanField(label=_("放假的日子不排"), required=False, initial=True)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        today = clock.city_date(clock.now())
        kwargs.setdefault("initial", {"first": today + timedelta(days=1), "last": today + timedelta(days=28)})
        super().__init__(*args, **kwargs)

    def clean_spans(self) -> tuple[tuple[int, int], ...]:
        try:
            return read_spans(self.cleaned_data["spans"])
        except ValueError as error:
            raise forms.ValidationError(_("请这样写：9:00-12:00，14:00-18:00")) from error

    def as_plan(self) -> SlotPlan:
        data = self.cleaned_data
        return SlotPlan(
            weekdays=frozenset(int(day) for day in data["weekdays"]),
            spans=data["spans"],
            minutes=data["minutes"],
            places=data["places"],
            first=data["first"],
            last=data["last"],
            skip_holidays=data["skip_holidays"],
        )


class OneSlotFields(forms.Form):
    day = forms.DateField(label=_("哪天"), widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"))
    start = forms.TimeField(label=_("几点开始"), widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"))
    length = forms.IntegerField(label=_("多少分钟"), min_value=5, max_value=720, initial=30)
    spots = forms.IntegerField(label=_("几个名额"), min_value=1, max_value=500, initial=1)

    @property
    def starts_at(self) -> datetime:
        return datetime.combine(self.cleaned_data["day"], self.cleaned_data["start"], tzinfo=clock.CITY_TZ)
