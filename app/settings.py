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
    sandbox: bool = False
    """Whether the published sandbox program may sign in and finds made-up referrals."""
    draft_idle: timedelta = timedelta(minutes=60)
    session_idle: timedelta = timedelta(minutes=15)
    session_max: timedelta = timedelta(hours=8)
    token_ttl: timedelta = timedelta(minutes=15)
    reply_ttl: timedelta = timedelta(hours=48)
    max_body: int = Field(default=262_144, ge=65_536)
    """Bytes of one request. The longest honest form is under 100 KB."""
    onion_location: str = ""

    @model_validator(mode="before")
    @classmethod
    def _places_follow_var(cls, values: dict[str, object]) -> dict[str, object]:
        var = Path(str(values.get("var") or "var"))
        return {
            **values,
            "var": var,
            "database_url": values.get("database_url") or f"sqlite:///{var / 'pristan.db'}",
            "key_file": values.get("key_file") or var / "keys.json",
        }
