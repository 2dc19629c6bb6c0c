"""What the command line keeps on disk."""

import os
import stat
from pathlib import Path

import pytest

from app.client import profile
from app.client.profile import NoProfile, Profile

HOME = Path("/home/partner")


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, HOME / ".config" / "pristan"),
        ("linux", {"XDG_CONFIG_HOME": "/x"}, Path("/x/pristan")),
        ("darwin", {"XDG_CONFIG_HOME": "/x"}, HOME / "Library" / "Application Support" / "pristan"),
        ("win32", {"APPDATA": "/roaming"}, Path("/roaming/pristan")),
        ("win32", {}, HOME / "AppData" / "Roaming" / "pristan"),
        ("linux", {"PRISTAN_CONFIG": "/elsewhere"}, Path("/elsewhere")),
    ],
)
def test_each_platform_has_its_place(platform, environment, expected):
    assert profile.folder(environment, platform, HOME) == expected


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.setenv("PRISTAN_CONFIG", str(tmp_path / "deep" / "er"))
    return tmp_path / "deep" / "er"


def test_only_its_owner_reads_the_file(place):
    profile.save(Profile("http://here", "me", "secret", private_key="k"))
    assert stat.S_IMODE(os.stat(place / "partner.json").st_mode) == 0o600
    assert stat.S_IMODE(os.stat(place).st_mode) == 0o700
    assert profile.load() == Profile("http://here", "me", "secret", private_key="k")
    assert [path.name for path in place.iterdir()] == ["partner.json"]
    assert "secret" not in repr(profile.load())


def test_before_the_first_login_there_is_nothing(place):
    with pytest.raises(NoProfile):
        profile.load()


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"base_url": 1, "x": 2}', "{"])
def test_a_damaged_file_is_no_profile(place, content):
    place.mkdir(parents=True)
    (place / "partner.json").write_text(content)
    with pytest.raises(NoProfile):
        profile.load()
