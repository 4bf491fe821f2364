"""The form of a catalogue item. What it lets through is checked again by the service; it exists for good words."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from qixia.people.queries import organisations
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
    picture = forms.ChoiceField(label=_("图画"), choices=Item.Picture.choices)
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
        if item is not None:
            self.fields["stock_change"].label = _("库存增减")
            self.fields["stock_change"].help_text = _("现有 %(stock)s 份；写 10 是加，写 -3 是减") % {
                "stock": item.stock
            }

    def as_item(self) -> ItemForm:
        data = self.cleaned_data
        fen = None if data["value"] is None else int(data["value"] * 100)
        names = set(ItemForm.__dataclass_fields__) - {"face_value_fen"}
        return ItemForm(face_value_fen=fen, **{name: data[name] for name in names})


def _initial(item: Item) -> dict[str, Any]:
    names = set(ItemForm.__dataclass_fields__) - {"face_value_fen"} | {"revision"}
    value = None if item.face_value_fen is None else Decimal(item.face_value_fen) / 100
    return {name: getattr(item, name) for name in names} | {"value": value, "stock_change": 0}
