"""How long the access log stands: three years, as long as the impact assessment that it belongs to; never under half a
year. The history itself has no end: it holds refs only and names nobody."""

from qixia.audit.models import AccessRecord
from qixia.audit.retention import Kind, register, rows

purge, oldest = rows(AccessRecord, "at")
register(Kind("access-log", "查阅记录", 1096, purge, oldest, least=180))
