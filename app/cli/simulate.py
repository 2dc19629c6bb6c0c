"""`pristan simulate`: the promise, measured on made-up load."""

from pathlib import Path
from typing import Annotated

import typer


def simulate(
    cases: Annotated[int, typer.Option(min=1, max=20_000, help="How many requests come in.")] = 300,
    days: Annotated[int, typer.Option(min=1, max=730, help="Over how many days.")] = 90,
    answers: Annotated[float, typer.Option(min=0, max=1, help="Share of offers that a centre answers at all.")] = 0.6,
    accepts: Annotated[float, typer.Option(min=0, max=1, help="Share of those answers that are a yes.")] = 0.75,
    seed: Annotated[int, typer.Option(help="The same seed plays the same months.")] = 1,
    plot: Annotated[Path | None, typer.Option(help="Write a plot here, as SVG.")] = None,
) -> None:
    """Play months of made-up load against the real commands and print what became of it. Touches no database of yours."""
    from app.directory.packs import load_packs
    from app.simulation.plot import svg
    from app.simulation.population import Plan
    from app.simulation.results import results, table
    from app.simulation.world import played

    with played(Plan(cases, days, answers, accepts, seed), load_packs()) as world:
        found = results(world)
    typer.echo(table(found))
    if plot is not None:
        plot.write_text(svg(found), encoding="utf-8")
        typer.echo(f"The plot is in {plot}.")
