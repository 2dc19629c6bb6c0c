"""Who waits behind whom when passphrases are hashed."""

import anyio
import pytest

from app.core.errors import Unavailable
from app.web.account.passphrase_hashing import PassphraseHashing

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


async def test_a_sender_has_a_few_places_and_another_one_still_gets_in() -> None:
    hashing, release, refused = PassphraseHashing(), anyio.Event(), []

    async def hold(sender: str | None) -> None:
        try:
            async with hashing.stranger_turn(sender):
                await release.wait()
        except Unavailable:
            refused.append(sender)

    async with anyio.create_task_group() as group:
        for sender in ["192.0.2.1"] * 10 + ["192.0.2.2"] + [None] * 20:
            group.start_soon(hold, sender)
        await anyio.wait_all_tasks_blocked()
        assert refused.count("192.0.2.1") == 7
        assert "192.0.2.2" not in refused
        assert refused.count(None) == 20 - 8, "12 places in all"
        async with hashing.turn():
            pass  # who is known waits behind nobody
        release.set()
    async with hashing.stranger_turn("192.0.2.1"):
        pass  # the places are free again


async def test_members_are_hashed_two_at_a_time() -> None:
    hashing, running, most = PassphraseHashing(), 0, 0

    async def one() -> None:
        nonlocal running, most
        async with hashing.turn():
            running += 1
            most = max(most, running)
            await anyio.sleep(0)
            running -= 1

    async with anyio.create_task_group() as group:
        for _ in range(6):
            group.start_soon(one)
    assert most == 2
