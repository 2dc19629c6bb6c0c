"""The service with its sandbox open, beside a network of true organisations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.client import sandbox as published
from app.client.decryption import from_base64url
from app.core.db import Database
from app.core.keyring import KeyRing
from app.core.sealing import KeyPair
from app.directory.packs import load_packs
from app.operations.privileges import DatabaseRole
from app.partners import sandbox_identity
from app.settings import Settings
from app.worker import Worker
from tests.support.databases import under
from tests.support.founding import found
from tests.support.partners import START, ApiClient, Founded, Network, Time, founded_network, running

WHO = sandbox_identity.ORGANISATION


def worker(network: Network, *, sandbox: bool) -> Worker:
    return _worker(network.database, network.keys, network.time, sandbox=sandbox)


def _worker(database: Database, keys: KeyRing, time: Time, *, sandbox: bool) -> Worker:
    settings = Settings(var=Path("unused"), sandbox=sandbox)
    return Worker(under(database, DatabaseRole.WORKER), keys, load_packs(), settings, time)


def refilled(network: Network) -> int:
    """One round of the job that keeps the sandbox full; how many referrals it made."""
    return worker(network, sandbox=True).jobs["sandbox"](network.now)


@pytest.fixture
def sandbox_network(database: Database, tmp_path: Path) -> Iterator[Network]:
    """A network whose client `sandbox` has what is published, and nothing else."""
    with running(database, tmp_path / "var", founded=found(database, founded_sandbox), sandbox=True) as network:
        yield network


def founded_sandbox(database: Database) -> Founded:
    founded = founded_network(database)
    _worker(database, founded.keys, Time(), sandbox=True).jobs["sandbox"](START)
    pair = KeyPair.from_seed(from_base64url(published.PRIVATE_KEY))
    founded.clients[WHO] = ApiClient(WHO, published.CLIENT_ID, published.CLIENT_SECRET, pair)
    return founded
