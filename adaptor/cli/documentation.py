"""The command that keeps the documentation true: settings, pages of the API, figures, tables of models."""

from __future__ import annotations

from pathlib import Path

import click

from adaptor.app.documentation import update_figures, update_metrics, update_permissions, update_settings
from adaptor.app.proto_pages import update_pages
from adaptor.experiments.models.document import about_models, update_models


@click.command(hidden=True)
@click.option("--root", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="Root of the checkout.")
@click.option(
    "--into", default="README.md", show_default=True, help="File, below the root, whose figures come from REPORTS."
)
@click.argument("reports", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def docs(root: Path, into: str, reports: tuple[Path, ...]) -> None:
    """Rewrite docs/api, and tables in docs/settings.md, docs/security.md and docs/metrics.md.

    From the JSON of REPORTS also figures in a file and tables in docs/models.md.
    """
    update_settings(root / "docs" / "settings.md")
    update_metrics(root / "docs" / "metrics.md")
    update_permissions(root / "docs" / "security.md")
    update_pages(root)
    models = [one for one in reports if about_models(one)]
    others = [one for one in reports if one not in models]
    if models:
        update_models(root / "docs" / "models.md", models)
    if others:
        update_figures(root / into, others)
