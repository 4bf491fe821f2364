"""What `qixia check --deploy` looks at before riders may use an installation. Each message says what to change."""

import os
import stat
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.core.checks import CheckMessage, Error, Tags, Warning, register
from django.db import DatabaseError

from qixia.kernel import clock
from qixia.kernel.config import get_config
from qixia.kernel.errors import NotConfigured
from qixia.policy.queries import is_forbidden_demo, missing_years
from qixia.site.backup import mark

BACKUP_HOURS = 26  # a nightly job, and two hours for a slow night
OLD_KEY_DAYS = 30  # signatures and backups of before a rotation need the old key for a while
LONG_TOKEN = 24


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
    for path in (key, key.parent / "index.key", *(key.parent / "old").glob("*.key")):
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            found.append(Error(f"Others may read {path}.", hint=f"chmod 600 {path}", id="qixia.E011"))
    homes = {"media": config.media, "static files": config.static}
    if config.database.startswith("sqlite"):
        homes["the database"] = Path(config.database.removeprefix("sqlite:///")).parent
    for name, folder in homes.items():
        if key.resolve().is_relative_to(folder.resolve()):
            hint = "Whoever copies that folder has both lock and key; set QIXIA_MASTER_KEY_FILE to another place."
            found.append(Error(f"The master key lies in the folder of {name}.", hint=hint, id="qixia.E012"))
    return found + _old_keys(key)


def _old_keys(key: Path) -> list[CheckMessage]:
    """Old keys that have been there for longer than anything should need them."""
    limit = time.time() - OLD_KEY_DAYS * 86_400
    old = [path.stem for path in sorted((key.parent / "old").glob("*.key")) if path.stat().st_mtime < limit]
    hint = "When `qixia rotate-keys` finds nothing under them any more and no backup is needed: --forget KEY."
    return [Warning(f"Old master keys are still here: {', '.join(old)}.", hint=hint, id="qixia.W013")] if old else []


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
    last = mark.last_success(config)
    age = None if last is None else (time.time() - last) / 3600
    if age is None or age > BACKUP_HOURS:
        when = "never" if age is None else f"{age:.0f} hours ago"
        hint = "qixia backup FOLDER, by qixia-backup.timer; keep the master key apart from it."
        found.append(Warning(f"The last backup that is known was {when}.", hint=hint, id="qixia.W031"))
    if config.media.exists() and stat.S_IMODE(config.media.stat().st_mode) & 0o077:
        hint = f"chmod 700 {config.media}"
        found.append(Error("Others may look into the folder of pictures.", hint=hint, id="qixia.E032"))
    if config.media.exists() and not os.access(config.media, os.W_OK | os.X_OK):
        hint = f"Run this as the user of the service, or give it {config.media}."
        found.append(Error("The folder of pictures can't be written.", hint=hint, id="qixia.E033"))
    return found


@register(Tags.security, deploy=True)
def check_monitoring(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    token = get_config().metrics_token
    if not token:
        hint = "Set QIXIA_METRICS_TOKEN to a long random word and let Prometheus ask /metrics (deploy/prometheus)."
        return [Warning("Nobody is told when something breaks: /metrics has no token.", hint=hint, id="qixia.W040")]
    if len(token) < LONG_TOKEN or token == "change-me-too":
        hint = "For example: openssl rand -hex 24"
        return [Error("QIXIA_METRICS_TOKEN can be guessed.", hint=hint, id="qixia.E041")]
    return []


@register(Tags.database, deploy=True)
def check_calendar(app_configs: Sequence[AppConfig] | None, **kwargs: Any) -> list[CheckMessage]:
    try:
        missing = missing_years(clock.city_date(clock.now()))
    except (DatabaseError, NotConfigured):
        return []  # not made yet
    years = ", ".join(map(str, missing))
    hint = "Limits in working time count Monday to Friday there. Upgrade Qixia, or enter them at /desk/calendar/."
    return [Warning(f"The holidays of {years} are not known.", hint=hint, id="qixia.W050")] if missing else []
