"""The forms of signing in. They only carry text: what is right is decided by people's rules, in the services."""

from __future__ import annotations

from typing import Any

from django import forms
from django.forms.utils import ErrorDict
from django.utils.translation import gettext as translate
from django.utils.translation import gettext_lazy as _

from qixia.kernel.errors import DomainError, Invalid
from qixia.people import queries, rules


class PlainForm(forms.Form):
    """Shows what was typed and what a service said about it. It judges nothing itself: one place words each refusal."""

    use_required_attribute = False

    def full_clean(self) -> None:
        self._errors = ErrorDict()
        self.cleaned_data: dict[str, Any] = {}

    def refuse(self, error: DomainError) -> None:
        """Show a refusal at the field that it is about."""
        words = translate(error.message) % error.context if error.context else translate(error.message)
        self.add_error(error.field if error.field in self.fields else None, words)

    def text(self, name: str) -> str:
        return str(self.data.get(name, ""))


class PhoneForm(PlainForm):
    phone = forms.CharField(
        label=_("手机号"),
        widget=forms.TextInput(attrs={"inputmode": "tel", "autocomplete": "tel-national", "maxlength": "24"}),
    )


class CodeForm(PlainForm):
    code = forms.CharField(
        label=_("验证码"),
        widget=forms.TextInput(
            attrs={
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "maxlength": "12",
                "class": "qx-code",
                "autofocus": True,
            }
        ),
    )


class TotpForm(PlainForm):
    code = forms.CharField(
        label=_("动态码"),
        widget=forms.TextInput(
            attrs={
                "inputmode": "numeric",
                "autocomplete": "one-time-code",
                "maxlength": "12",
                "class": "qx-code",
                "autofocus": True,
            }
        ),
    )


class StaffForm(PlainForm):
    username = forms.CharField(
        label=_("用户名"),
        widget=forms.TextInput(attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}),
    )
    password = forms.CharField(label=_("密码"), widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}))


class RegisterForm(PlainForm):
    nickname = forms.CharField(
        label=_("怎么称呼你"),
        help_text=_("别人看到的是它，不是手机号。"),
        widget=forms.TextInput(attrs={"autocomplete": "nickname", "maxlength": "40"}),
    )
    platform = forms.ChoiceField(label=_("在哪家平台跑单"), widget=forms.RadioSelect)
    real_name = forms.CharField(
        label=_("真实姓名"),
        required=False,
        help_text=_("加密保存。以后办证、理赔时才用得上，现在可以不填。"),
        widget=forms.TextInput(attrs={"autocomplete": "name", "maxlength": "40"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["platform"].choices = [(o.code, o.name) for o in queries.employers()]  # type: ignore[attr-defined]

    def problems(self) -> list[DomainError]:
        """Everything that is wrong at once, so that nobody mends a form line by line."""
        found: list[DomainError] = []
        for name, check in (("nickname", rules.nickname), ("real_name", rules.real_name)):
            try:
                check(self.text(name))
            except DomainError as error:
                found.append(error)
        if self.text("platform") not in dict(self.fields["platform"].choices):  # type: ignore[attr-defined]
            found.insert(1, Invalid("请从列表里选择平台。", field="platform"))
        return found
