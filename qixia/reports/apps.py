"""How Django finds this package, and what it registers: rules that the city may edit, entries of the console."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from qixia.kernel.sealed import declare
from qixia.notices import digests
from qixia.policy import kinds
from qixia.reports.kinds import register_aftermath
from qixia.reports.policy import SEEDS, AlarmRules, Limits, Merging, Reminders, Routing, Secrecy, Ways
from qixia.reports.texts import Documents, StandardTexts
from qixia.triage import settled


class ReportsConfig(AppConfig):
    name = "qixia.reports"
    label = "reports"
    verbose_name = _("上报")

    def ready(self) -> None:
        declare("reports.Report", "reporter_link", "report-link:{public_id}")
        declare("reports.Support", "link", "support-link:{public_id}")
        declare("reports.Witness", "link", "witness-link:{public_id}")
        declare("reports.ImportBatch", "head", "import-head:{public_id}")
        declare("reports.ImportBatch", "source", "import-source:{public_id}")
        declare("reports.ImportRow", "said", "import-said:{public_id}")
        declare("reports.ImportRow", "match", "import-match:{public_id}")
        declare("reports.CaseNote", "sealed_text", "case-note:{public_id}")
        declare("reports.CaseDocument", "sealed_name", "case-document-name:{public_id}")
        declare("reports.Measure", "sealed_party", "measure-party:{public_id}", append_only=True)
        declare("reports.CaseDocument", "wrapped_key", "media.original:{storage_name}", key_id="key_id")
        from qixia.reports.nav import register_desk  # noqa: PLC0415 — models are loaded only now
        from qixia.reports.queries.digest import work_of  # noqa: PLC0415
        from qixia.reports.queries.settled import SettledReports  # noqa: PLC0415

        register_desk()
        digests.register("reports", work_of)
        register_aftermath()
        settled.register(SettledReports())
        kinds.register(kinds.Kind("reports.routing", Routing, SEEDS / "routing.yaml", "派单目录"))
        kinds.register(kinds.Kind("reports.limits", Limits, SEEDS / "limits.yaml", "处置时限"))
        kinds.register(kinds.Kind("reports.reminders", Reminders, SEEDS / "reminders.yaml", "催办与升级"))
        kinds.register(kinds.Kind("reports.secrecy", Secrecy, SEEDS / "secrecy.yaml", "敏感事项与匿名"))
        kinds.register(kinds.Kind("reports.standard_texts", StandardTexts, SEEDS / "standard_texts.yaml", "标准答复"))
        kinds.register(kinds.Kind("reports.documents", Documents, SEEDS / "documents.yaml", "案件附件"))
        kinds.register(kinds.Kind("reports.alarm", AlarmRules, SEEDS / "alarm.yaml", "特急警报"))
        kinds.register(kinds.Kind("reports.ways", Ways, SEEDS / "ways.yaml", "退回、协办与约期"))
        kinds.register(kinds.Kind("reports.merging", Merging, SEEDS / "merging.yaml", "并案与支持"))
