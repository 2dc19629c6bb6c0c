"""`pristan simulate`: measures, on made-up load, how reliably people get an answer."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from app.cli import files


def simulate(
    cases: Annotated[int, typer.Option(min=1, max=20_000, help="Number of requests.")] = 300,
    days: Annotated[int, typer.Option(min=1, max=730, help="Number of days over which they arrive.")] = 90,
    answers: Annotated[float, typer.Option(min=0, max=1, help="Share of offers that are answered.")] = 0.6,
    accepts: Annotated[float, typer.Option(min=0, max=1, help="Share of the answers that accept the offer.")] = 0.75,
    seed: Annotated[int, typer.Option(help="Seed of the random numbers; the same seed gives the same results.")] = 1,
    start: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day, for example 2026-12-14 or 2027-04-19 to include holidays."),
    ] = None,
    connected: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Number of centres with an account; a coordinator asks the others by phone or with a link. "
            "Default: all have one, and nobody is at the desk.",
        ),
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="File for a plot (SVG).", callback=files.writable)] = None,
) -> None:
    """Simulate months of made-up load against the real commands and print the results. Uses its own temporary database."""
    from app.directory.packs import load_packs
    from app.simulation.plot import svg
    from app.simulation.population import Plan
    from app.simulation.results import destinations_table, results, table
    from app.simulation.world import played

    plan = Plan(cases, days, answers, accepts, seed, connected=connected)
    if start is not None:
        plan = replace(plan, start=start.date())
    with played(plan, load_packs()) as world:
        summary = results(world)
    typer.echo(table(summary))
    if connected is not None:
        typer.echo(f"\n{destinations_table(summary)}")
    if plot is not None:
        with files.writing(plot):
            plot.write_text(svg(summary), encoding="utf-8")
        typer.echo(f"Plot written to {plot}.")
