from pathlib import Path

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.kernel.sealed import declare
from qixia.people.rules import ConsentRules, DemoAccounts, PrivacyRules, RetentionRules, SignInRules
from qixia.policy import kinds

SEEDS = Path(__file__).parent / "seeds"


class PeopleConfig(AppConfig):
    name = "qixia.people"
    label = "people"
    verbose_name = _("人员与单位")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        declare("people.PersonKey", "wrapped", None)
        declare("people.SignInCode", "sealed_phone", "people.code.phone:{public_id}")
        declare("people.SignInCode", "sealed_code", "people.code.code:{public_id}")
        declare("people.TotpDevice", "sealed_secret", "people.totp:{person_id}")
        declare("people.DataExport", "wrapped_key", "media.original:{storage_name}")
        kinds.register(
            kinds.Kind(name="people.sign_in", model=SignInRules, seed=SEEDS / "sign_in.yaml", title="登录限制")
        )
        kinds.register(
            kinds.Kind(name="people.consents", model=ConsentRules, seed=SEEDS / "consents.yaml", title="同意书")
        )
        kinds.register(
            kinds.Kind(
                name="people.demo_accounts",
                model=DemoAccounts,
                seed=SEEDS / "demo_accounts.yaml",
                title="演示账号",
            )
        )
        kinds.register(
            kinds.Kind(
                name="people.privacy", model=PrivacyRules, seed=SEEDS / "privacy.yaml", title="个人信息：查阅与期限"
            )
        )
        kinds.register(
            kinds.Kind(
                name="people.retention", model=RetentionRules, seed=SEEDS / "retention.yaml", title="个人信息：保存期限"
            )
        )
