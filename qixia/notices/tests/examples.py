"""How the services of notices are called. A notice is its own record: who was told what, when, and when it was read."""

from qixia.notices import services
from tests.examples import exempt

OWN_RECORD = "a notice is its own append-only record of who was told what and when"

for name in ("tell", "tell_many", "mark_read", "mark_all_read"):
    assert hasattr(services, name)
    exempt(f"notices.services.{name}", OWN_RECORD)
exempt("notices.services.send_code", "the message is a row; whether it could be sent is history, noted by the task")
