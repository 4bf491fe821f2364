"""`qixia settings_doc`: docs/settings.md, made from the typed settings object."""

from __future__ import annotations

from qixia.kernel.config import PROJECT_DIR, Config
from qixia.site.snapshots import SnapshotCommand

_HEAD = """# Settings

Made from `qixia/kernel/config.py` by `qixia settings_doc --write`. Every setting is an environment variable; lists and
booleans as JSON. Nothing else reads the environment.

| variable | default | what it does |
|---|---|---|
"""


class Command(SnapshotCommand):
    help = __doc__
    file_name = "settings.md"

    def text(self) -> str:
        rows = []
        for name, field in Config.model_fields.items():
            default = str(field.default).replace(f"{PROJECT_DIR}/", "")
            shown = f"`{default}`" if default not in ("", "None") else ""
            rows.append(f"| `QIXIA_{name.upper()}` | {shown} | {(field.description or '').replace('|', '/')} |")
        return _HEAD + "\n".join(rows) + "\n"
