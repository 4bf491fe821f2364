from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from qixia.kernel.sealed import declare
from qixia.notices.channels import ChannelRules
from qixia.notices.checks import check_sender
from qixia.notices.rules import TemplateRules
from qixia.policy import kinds
from qixia.ui import context, nav

SEEDS = Path(__file__).parent / "seeds"


def _unread(actor: Any) -> int:
    # By name: this module is read before there are models.
    count: int = import_string("qixia.notices.queries.unread_count")(actor.person_id)
    return count


class NoticesConfig(AppConfig):
    name = "qixia.notices"
    label = "notices"
    verbose_name = _("消息")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        declare("notices.Notice", "sealed", "notice")
        declare("notices.PushKey", "sealed", "push-key")
        declare("notices.PushSubscription", "sealed", "push-subscription")
        declare("notices.MailAddress", "sealed", "mail-address")
        declare("notices.Robot", "sealed", "robot")
        kinds.register(
            kinds.Kind(name="notices.templates", model=TemplateRules, seed=SEEDS / "templates.yaml", title="消息文字")
        )
        kinds.register(
            kinds.Kind(
                name="notices.channels", model=ChannelRules, seed=SEEDS / "channels.yaml", title="消息怎样送出去"
            )
        )
        context.set_unread(_unread)
        checks.register(check_sender, checks.Tags.security, deploy=True)
        nav.register(
            nav.Item(
                label=gettext_noop("消息"),
                icon="inbox",
                url_name="notices:inbox",
                roles=("worker", "unit_lead", "clerk", "admin"),
                section="查看",
                order=90,
                count=lambda actor: _unread(actor) or None,
                active=("notices:settings",),
            )
        )
        nav.register(
            nav.Item(
                label=gettext_noop("消息文字"),
                icon="message-2",
                url_name="notices:templates",
                roles=("admin",),
                section="管理",
                order=70,
                active=("notices:template",),
            )
        )
        nav.register(
            nav.Item(
                label=gettext_noop("外发记录"),
                icon="send",
                url_name="notices:deliveries",
                roles=("admin",),
                section="管理",
                order=72,
                active=("notices:robots",),
            )
        )
