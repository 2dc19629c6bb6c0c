"""The formats of docs/crypto.md stay as they are: kept vectors, opened by the service and by a second implementation."""

import json
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from app.cases import sealed_parts
from app.core import sealing
from app.core.keyring import EPOCH_ID_BYTES, KeyRing
from app.core.sealing import KeyPair
from tests.support import javascript

GIVEN = json.loads((Path(__file__).parents[1] / "data" / "crypto-vectors.json").read_text())


def made(v: dict[str, Any]) -> bytes:
    """What the service makes of a vector."""

    def of(name: str) -> bytes:
        return bytes.fromhex(v[name])

    def ring(root: bytes = bytes(range(32)), epoch: bytes = bytes(range(32))) -> KeyRing:
        return KeyRing({3: epoch}, 3, root, {3: date(2026, 11, 1)})

    def info() -> bytes:
        return sealed_parts.wrap_info(UUID(v["case_id"]), v["purpose"], v["kind"], UUID(v["owner_id"]), v["version"])

    match v["what"]:
        case "context":
            return sealing.context(*v["parts"])
        case "derive":
            return sealing.derive(of("key"), v["purpose"], salt=of("salt") or None)
        case "mac":
            return ring(root=of("root")).mac(v["purpose"], *map(bytes.fromhex, v["data"]))
        case "pad":
            assert sealing.unpad(sealing.pad(of("plain"))) == of("plain")
            return sealing.pad(of("plain"))
        case "xwing_seed":
            return bytes.fromhex(v["result"][:128]) + KeyPair.from_seed(of("seed")).public[-32:]
        case "epoch_envelope":
            return ring(epoch=of("key")).decrypt(of("envelope"), *v["binding"])
        case "deterministic_envelope":
            assert ring(epoch=of("key")).encrypt_deterministically(of("result"), *v["binding"]) == of("envelope")
            return ring(epoch=of("key")).decrypt_deterministically(of("envelope"), *v["binding"])
        case "sealed_part":
            aad = sealed_parts.part_aad(UUID(v["part_id"]), UUID(v["case_id"]), v["part"], v["version"])
            return sealing.unpad(
                sealing.decrypt(sealed_parts.part_key(of("case_key"), v["part"]), of("ciphertext"), aad)
            )
        case "x25519_wrap":
            return sealing.open_sealed(sealing.X25519, of("private_key"), of("sealed"), info())
        case "xwing_wrap_python":
            return sealing.open_sealed(sealing.X_WING, of("seed"), of("sealed"), info())
    raise AssertionError(v["what"])


@pytest.mark.parametrize("v", [*GIVEN["vectors"], *GIVEN["python_only"]], ids=lambda v: v["what"])
def test_the_service_agrees_with_each_vector(v: dict[str, Any]) -> None:
    assert made(v).hex() == v["result"]
    assert v.get("epoch_bytes", EPOCH_ID_BYTES) == EPOCH_ID_BYTES


@pytest.mark.parametrize("language", [language for language in javascript.LANGUAGES if language != "python"])
def test_a_second_implementation_agrees_with_each_vector(language: str) -> None:
    assert language == "javascript"
    assert javascript.run("check-vectors.mjs", GIVEN) == []
    changed = [{**v, "result": "00" + v["result"][2:]} for v in GIVEN["vectors"]]
    assert len(javascript.run("check-vectors.mjs", {"vectors": changed})) >= len(changed) - 1
