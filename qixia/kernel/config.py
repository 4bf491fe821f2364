"""Every setting of an installation, typed, from the environment (prefix QIXIA_). The list in docs/settings.md is made
from this class. Nothing else in the project reads the environment."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_DIR = Path(__file__).resolve().parents[2]


class Config(BaseSettings):
    """One typed object; made once a process by `get_config()`."""

    model_config = SettingsConfigDict(env_prefix="QIXIA_", extra="ignore")

    mode: Literal["development", "production"] = Field(
        "development", description="production refuses debug pages and any database that is stamped demo"
    )
    demo: bool = Field(False, description="show one-time codes on the page; works only on a database stamped demo")
    debug: bool = Field(False, description="Django's debug pages; never in production")
    var_dir: Path = Field(PROJECT_DIR / "var", description="where the database, pictures and keys live by default")
    database_url: str = Field("", description="sqlite:///path or postgresql://…; empty: an SQLite file in var_dir")
    database_synchronous: Literal["NORMAL", "FULL"] = Field(
        "FULL", description="SQLite only: FULL keeps an acknowledged write through a power cut"
    )
    master_key_file: Path | None = Field(
        None,
        description="32 random bytes in base64; empty: keys/master.key in var_dir. After a rotation old/ and index.key"
        " lie beside it",
    )
    media_dir: Path | None = Field(None, description="evidence pictures; empty: media in var_dir")
    assets_dir: Path = Field(PROJECT_DIR / "build" / "static", description="front-end assets made by `make setup`")
    static_root: Path | None = Field(None, description="collected static files; empty: static in var_dir")
    allowed_hosts: list[str] = Field(["*"], description="names under which the site is reached (JSON list)")
    base_url: str = Field("http://127.0.0.1:8000", description="address that goes into messages and QR codes")
    tls: bool = Field(False, description="the site is reached over HTTPS: secure cookies, HSTS")
    trusted_proxy: bool = Field(
        False, description="believe X-Forwarded-Proto and X-Forwarded-For from the proxy in front"
    )
    city_name: str = Field("澄江市", description="name of the city in titles")
    district_name: str = Field("云溪区", description="name of the district in titles")
    max_photo_mb: int = Field(12, description="largest picture that is taken, in MB")
    max_photo_megapixels: int = Field(50, description="largest picture that is taken, in million pixels")
    max_clip_mb: int = Field(50, description="largest clip that is taken, in MB; thirty seconds at most")
    session_days: int = Field(30, description="how long a rider stays signed in")
    staff_session_hours: int = Field(12, description="how long staff stay signed in")
    sms_sender: Literal["console", "file"] = Field("console", description="where one-time codes go")
    mail_server: SecretStr = Field(
        SecretStr(""),
        description="where e-mail to staff goes, as apprise writes it:"
        " mailtos://user:password@smtp.example.gov.cn:465?mode=ssl&from=qixia@example.gov.cn; empty: no e-mail",
    )
    outgoing_ca_file: Path | None = Field(
        None, description="certificates of the city's own authority (PEM), believed besides the system's"
    )
    metrics_token: str = Field(
        "", description="who sends it as `Authorization: Bearer …` may read /metrics; empty: administrators only"
    )
    second_opinion_key: SecretStr = Field(
        SecretStr(""),
        description="key of the address in the rule triage.second_opinion, sent as `Authorization: Bearer …`; empty: none",
    )
    log_level: str = Field("INFO", description="level of the JSON log")
    training_texts_a_class: int = Field(
        0, description="trainings take at most so many shipped texts of each class; 0: all. For trying things out"
    )
    lab_kill_at: str = Field("", description='kill harness only, ignored in production: "name:n", see kernel/faults.py')
    test_db_suffix: str = Field("", description="tests only: keeps parallel runs apart")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{self.var_dir / 'qixia.sqlite3'}"

    @property
    def key_file(self) -> Path:
        return self.master_key_file or self.var_dir / "keys" / "master.key"

    @property
    def media(self) -> Path:
        return self.media_dir or self.var_dir / "media"

    @property
    def static(self) -> Path:
        return self.static_root or self.var_dir / "static"


@lru_cache(maxsize=1)
def get_config() -> Config:
    return Config()
