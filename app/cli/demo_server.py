"""The demonstration in one process: `pristan run-demo`."""

from functools import partial

from app.app_context import migrate, open_app_context
from app.cli.server import refuse_taken_port, serve
from app.demo import seed, sign_ins
from app.settings import Settings


def run(port: int, *, small: bool = False) -> None:
    """Migrate, add the demo network to an empty database and serve on 127.0.0.1. The addresses are printed once it listens."""
    refuse_taken_port("127.0.0.1", port)
    base = Settings()
    settings = base.model_copy(update={"demo": True, "sandbox": True, "base_url": f"http://127.0.0.1:{port}"})
    context = open_app_context(settings)
    migrate(context.database)
    fresh = seed.seed_if_empty(context, with_history=not small)
    context.database.dispose()
    announce = partial(sign_ins.announce, settings, fresh=fresh)
    serve("127.0.0.1", port, ["public", "desk", "partner"], settings, on_listening=announce)
