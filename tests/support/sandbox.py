"""The service with its sandbox open, beside a network of true organisations."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.client import sandbox as published
from app.client.decryption import from_base64url
from app.core.db import Database
from app.core.sealing import KeyPair
from app.operations.privileges import Role
from app.partners import sandbox_identity
from app.settings import Settings
from app.worker import Worker
from tests.support.databases import under
from tests.support.partners import ApiClient, Network, running

WHO = sandbox_identity.ORGANISATION


def worker(network: Network, *, sandbox: bool) -> Worker:
    settings = Settings(var=Path("unused"), sandbox=sandbox)
    return Worker(under(network.database, Role.WORKER), network.keys, network.directory, settings, network.time)


def refilled(network: Network) -> int:
    """One round of the job that keeps the sandbox full; how many referrals it made."""
    return worker(network, sandbox=True).jobs["sandbox"](network.now)


@pytest.fixture
def sandbox_network(database: Database, tmp_path: Path) -> Iterator[Network]:
    """A network whose client `sandbox` has what is published, and nothing else."""
    with running(database, tmp_path / "var", sandbox=True) as network:
        refilled(network)
        pair = KeyPair.from_seed(from_base64url(published.PRIVATE_KEY))
        network.clients[WHO] = ApiClient(WHO, published.CLIENT_ID, published.CLIENT_SECRET, pair)
        yield network
