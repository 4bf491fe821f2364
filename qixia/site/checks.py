"""What `qixia check --deploy` looks at before riders may use an installation. Each message says what to change."""

import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from qixia.kernel.config import Config, get_config
from qixia.policy.queries import is_forbidden_demo

BACKUP_HOURS = 26  # a nightly job, and two hours for a slow night


def backup_mark(config: Config) -> Path:
    """A backup job touches this file when it has succeeded."""
    return config.var_dir / "backup" / "last-success"


@register(Tags.security, deploy=True)
def check_mode(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    config = get_config()
    found: list[CheckMessage] = []
    if config.mode != "production":
        found.append(Error("QIXIA_MODE is not production.", hint="Set QIXIA_MODE=production.", id="qixia.E001"))
    if config.debug:
        found.append(Error("Debug pages are on.", hint="Set QIXIA_DEBUG=false.", id="qixia.E002"))
    if config.demo:
        hint = "Set QIXIA_DEMO=false: it shows one-time codes on the page."
        found.append(Error("The demo mode is on.", hint=hint, id="qixia.E003"))
    return found


@register(Tags.security, deploy=True)
def check_database(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    try:
        forbidden = is_forbidden_demo()
    except DatabaseError:
        return []  # not made yet; `qixia serve` asks again
    hint = "Its passwords are public. Use a database of its own; the server and the worker refuse this one."
    return [Error("The database is stamped demo.", hint=hint, id="qixia.E004")] if forbidden else []


@register(Tags.security, deploy=True)
def check_key(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    config = get_config()
    key = config.key_file
    if not key.exists():
        return [Error(f"There is no master key at {key}.", hint="Set QIXIA_MASTER_KEY_FILE.", id="qixia.E010")]
    found: list[CheckMessage] = []
    if stat.S_IMODE(key.stat().st_mode) & 0o077:
        found.append(Error("Others may read the master key.", hint=f"chmod 600 {key}", id="qixia.E011"))
    homes = {"media": config.media, "static files": config.static}
    if config.database.startswith("sqlite"):
        homes["the database"] = Path(config.database.removeprefix("sqlite:///")).parent
    for name, folder in homes.items():
        if key.resolve().is_relative_to(folder.resolve()):
            hint = "Whoever copies that folder has both lock and key; set QIXIA_MASTER_KEY_FILE to another place."
            found.append(Error(f"The master key lies in the folder of {name}.", hint=hint, id="qixia.E012"))
    return found


@register(Tags.security, deploy=True)
def check_addresses(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    config = get_config()
    found: list[CheckMessage] = []
    if not config.allowed_hosts or "*" in config.allowed_hosts:
        hint = "Name them: QIXIA_ALLOWED_HOSTS='[\"qixia.example.org\"]'."
        found.append(Error("Any host name is accepted.", hint=hint, id="qixia.E020"))
    if urlsplit(config.base_url).scheme != "https":
        hint = "Set QIXIA_BASE_URL to the https address; it goes into messages and QR codes."
        found.append(Error("QIXIA_BASE_URL is not https.", hint=hint, id="qixia.E021"))
    if not config.tls:
        hint = "Set QIXIA_TLS=true: secure cookies and HSTS. Phones give their position over HTTPS only."
        found.append(Error("The site is not marked as reached over HTTPS.", hint=hint, id="qixia.E022"))
    if not config.trusted_proxy:
        hint = "Put a proxy with a real certificate in front that sets X-Forwarded-Proto and -For, then QIXIA_TRUSTED_PROXY=true."
        found.append(Warning("No proxy in front; the certificate is self-made.", hint=hint, id="qixia.W023"))
    return found


@register(Tags.database, deploy=True)
def check_storage(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    config = get_config()
    found: list[CheckMessage] = []
    if config.database.startswith("sqlite"):
        hint = "SQLite serves a trial; for a city set QIXIA_DATABASE_URL=postgresql://…"
        found.append(Warning("The database is SQLite.", hint=hint, id="qixia.W030"))
    mark = backup_mark(config)
    age = (time.time() - mark.stat().st_mtime) / 3600 if mark.exists() else None
    if age is None or age > BACKUP_HOURS:
        when = "never" if age is None else f"{age:.0f} hours ago"
        hint = f"Back up database, media and, apart from them, the master key; then `touch {mark}`."
        found.append(Warning(f"The last backup that is known was {when}.", hint=hint, id="qixia.W031"))
    return found
