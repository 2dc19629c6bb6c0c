"""`pristan teams`: a further team, for countries that no team takes yet."""

from typing import Annotated

import typer

teams_app = typer.Typer(no_args_is_help=True, help="Add a team for further countries; list the teams.")


@teams_app.command()
def add(
    slug: Annotated[str, typer.Argument(help="Slug of the new team, for example de.")],
    countries: Annotated[str, typer.Option(help="Its countries, for example DE,AT. No other team may have them.")],
    member: Annotated[str, typer.Option(help="Sign-in name of its first senior coordinator.")],
    name: Annotated[str, typer.Option(help="Name of the team. Default: its slug.")] = "",
) -> None:
    """Add a team, its key and its first senior coordinator. Asks for the recovery key, which holds the new team's key too.

    Further members are proposed and approved at the desk, by two people.
    """
    from app.cli.setup import add_team_interactively

    codes = list(dict.fromkeys(code.strip().upper() for code in countries.split(",") if code.strip()))
    add_team_interactively(slug.strip().lower(), name.strip() or slug.strip(), codes, member)


@teams_app.command("list")
def list_teams() -> None:
    """List the teams with their countries and how many members hold each team's key, and the countries without a team."""
    from app.app_context import open_app_context
    from app.staff import team_setup

    context = open_app_context()
    with context.database.begin(write=False) as session:
        teams = team_setup.teams(session)
    for team in teams:
        typer.echo(f"{team.slug}  {','.join(team.countries) or '-'}  {team.holders} hold the key")
    served = {code for team in teams for code in team.countries}
    missing = [place.code for place in context.directory.places if place.code not in served]
    if missing:
        typer.echo(f"No team: {', '.join(missing)}")
