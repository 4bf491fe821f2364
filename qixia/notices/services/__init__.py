"""The only writes to notices: telling, sending on, and what people choose about it.

telling     the inbox, and text messages for codes
fanning     by which channels a notice goes out: rows of deliveries
sending     taking what is due and handing it over
choosing    channels, quiet hours, mail address, devices of a person
robots      robots of units; the key pair of web push
wording     a new version of one template
digesting   morning and afternoon summaries for people at work
"""

from qixia.notices.services.choosing import (
    add_device,
    choose,
    confirm_mail,
    forget_mail,
    leave_browser,
    remove_device,
    set_mail,
    set_quiet_hours,
)
from qixia.notices.services.digesting import tell_digests
from qixia.notices.services.fanning import fan_out
from qixia.notices.services.robots import add_robot, push_key, rotate_push_key, stop_robot
from qixia.notices.services.sending import send_confirmation, send_due
from qixia.notices.services.telling import (
    Tell,
    UnknownTemplate,
    forget_person,
    mark_all_read,
    mark_read,
    send_code,
    tell,
    tell_many,
)
from qixia.notices.services.wording import Wording, reword

__all__ = [
    "Tell",
    "UnknownTemplate",
    "Wording",
    "add_device",
    "add_robot",
    "choose",
    "confirm_mail",
    "fan_out",
    "forget_mail",
    "forget_person",
    "leave_browser",
    "mark_all_read",
    "mark_read",
    "push_key",
    "remove_device",
    "reword",
    "rotate_push_key",
    "send_code",
    "send_confirmation",
    "send_due",
    "set_mail",
    "set_quiet_hours",
    "stop_robot",
    "tell",
    "tell_digests",
    "tell_many",
]
