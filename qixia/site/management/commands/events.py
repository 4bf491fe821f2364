"""`qixia events`: who says what, and who listens; committed as docs/events.md."""

from qixia.jobs import registry
from qixia.site.snapshots import SnapshotCommand

_HEAD = """# Events

Made by `qixia events --write`; do not edit. A service publishes an event in the transaction of its change; a higher
package's `tasks.py` listens. Delivered at least once; a listener is idempotent by the event's id.

| event | listeners |
|---|---|
"""
_REPEATED = """
## Repeated work

| name | every |
|---|---|
"""


class Command(SnapshotCommand):
    help = "Print, --write or --check the table of events."
    file_name = "events.md"

    def text(self) -> str:
        heard = registry.subscriptions()
        rows = [
            f"| `{event}` | {_listeners(heard.get(event, []))} |\n"
            for event in sorted(registry.published() | set(heard))
        ]
        repeats = sorted(registry.repeats(), key=lambda repeat: repeat.name)
        repeated = [f"| `{repeat.name}` | {repeat.every} |\n" for repeat in repeats]
        return _HEAD + "".join(rows) + _REPEATED + "".join(repeated)


def _listeners(names: list[str]) -> str:
    """From `on:reports.dispatched:qixia.rewards.tasks.pay` the part that says who."""
    return ", ".join(f"`{name.rpartition(':')[2].removeprefix('qixia.')}`" for name in sorted(names)) or "none yet"
