"""`pristan serve` and `pristan run-demo`: what is printed, and when."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import uvicorn

from app.cli.server import AnnouncingServer
from tests.support.live import held_port


async def nothing(_scope: object, _receive: object, _send: object) -> None:
    """An application that answers nothing."""


def test_what_is_to_be_printed_is_printed_once_the_server_accepts_connections() -> None:
    connected = []

    def connect() -> None:
        with socket.create_connection(("127.0.0.1", port), timeout=30):
            connected.append(port)
        server.should_exit = True

    with held_port() as port:
        config = uvicorn.Config(nothing, host="127.0.0.1", port=port, lifespan="off", log_config=None)
        server = AnnouncingServer(config, connect)
        server.run()
    assert connected == [port]


def test_a_port_that_is_in_use_is_one_line_and_nothing_is_set_up(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        command = [sys.executable, "-m", "app.cli.main", "run-demo", "--port", str(port)]
        environment = {**os.environ, "PRISTAN_VAR": str(tmp_path / "var")}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert f"127.0.0.1, port {port}" in done.stderr
    assert "PORT=8001 make run" in done.stderr
    assert not (tmp_path / "var").exists()
