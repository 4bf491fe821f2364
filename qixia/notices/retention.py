"""How long notices and the record of outgoing messages are kept."""

from qixia.audit.retention import Kind, register, rows
from qixia.notices.models import Delivery, Message, Notice

register(Kind("notices", "站内消息", 365, *rows(Notice, "created_at")))
register(Kind("outgoing-messages", "外发短信的记录", 180, *rows(Message, "created_at"), least=180))
register(Kind("notice-deliveries", "消息外发的记录", 90, *rows(Delivery, "created_at"), least=30))
