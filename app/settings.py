"""What differs between two copies of the service. Read once, from PRISTAN_* variables."""

from datetime import timedelta
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

Surface = Literal["public", "desk", "partner"]
ALL_SURFACES: frozenset[Surface] = frozenset({"public", "desk", "partner"})


class Settings(BaseSettings):
    """Immutable. `var` holds the keys, the embedded database and the file outbox; it is never inside a backup of the database."""

    model_config = SettingsConfigDict(env_prefix="PRISTAN_", frozen=True, extra="ignore")

    var: Path = Path("var")
    database_url: str = ""
    key_file: Path = Path()
    base_url: str = "http://127.0.0.1:8000"
    demo: bool = False
    worker_in_web: bool = True
    worker_every: timedelta = timedelta(seconds=5)
    auto_offer_after: timedelta | None = None
    """None: referrals are offered by a coordinator. A duration: by the clock when nobody took the case for so long."""
    draft_idle: timedelta = timedelta(minutes=60)
    session_idle: timedelta = timedelta(minutes=15)
    session_max: timedelta = timedelta(hours=8)
    token_ttl: timedelta = timedelta(minutes=15)
    reply_ttl: timedelta = timedelta(hours=48)
    max_body: int = Field(default=262_144, ge=65_536)
    """Bytes of one request. The longest honest form is under 100 KB."""
    onion_location: str = ""
    audit_kept: timedelta = timedelta(days=731)
    """How long the audit reaches back: 24 months."""
    reads_a_day: int = Field(default=100, ge=1)
    """How many times a day one person may open sealed parts, at the desk or on the partner's page."""
    partner_reads_a_day: int = Field(default=500, ge=1)
    """How many times a day one program of a partner may fetch sealed parts."""
    metrics_token: str = Field(default="", repr=False)
    """What a collector shows to read /metrics. Empty: there is no such page."""
    backup_key_file: Path = Path()
    """The public key that backups are sealed to; its private half is kept elsewhere."""

    @model_validator(mode="before")
    @classmethod
    def _places_follow_var(cls, values: dict[str, object]) -> dict[str, object]:
        var = Path(str(values.get("var") or "var"))
        return {
            **values,
            "var": var,
            "database_url": values.get("database_url") or f"sqlite:///{var / 'pristan.db'}",
            "key_file": values.get("key_file") or var / "keys.json",
            "backup_key_file": values.get("backup_key_file") or var / "backup.pub",
        }
