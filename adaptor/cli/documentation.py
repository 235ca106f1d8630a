"""The command that keeps the documentation true: the settings table and the figures in the README."""

from __future__ import annotations

from pathlib import Path

import click

from adaptor.app.documentation import update_figures, update_settings


@click.command(hidden=True)
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Root of the checkout.")
@click.argument("reports", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def docs(root: Path, reports: tuple[Path, ...]) -> None:
    """Rewrite docs/settings.md, and the figures in README.md from the JSON of REPORTS."""
    update_settings(root / "docs" / "settings.md")
    if reports:
        update_figures(root / "README.md", reports)
