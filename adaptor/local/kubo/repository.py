"""The repository of a node: made once, and configured anew before every start."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptor.errors import KuboNodeError
from adaptor.local.commands import run_to_its_end
from adaptor.local.kubo.configuration import CONFIGURATION_MODE, Ports, configured, environment
from adaptor.local.kubo.settings import KuboSettings
from adaptor.local.kubo.swarm_key import place_swarm_key

PROFILE = "pebbleds"
"""A log-structured store. Putting 10,000 blocks of 500 bytes took 0.24 s in it, 0.65 s in Kubo's file per block."""


class Repository:
    """One repository.

    Args:
        folder: Where it is or will be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        """Whether it was made."""
        return (self.folder / "config").exists()

    @property
    def peer_id(self) -> str:
        """Name of the node in the swarm.

        Raises:
            KuboNodeError: The repository is missing or damaged.
        """
        return str(self._configuration()["Identity"]["PeerID"])

    def prepare(self, executable: Path, *, settings: KuboSettings, ports: Ports) -> None:
        """Make the repository if it is missing, and give it its configuration.

        Args:
            executable: Kubo.
            settings: Of the node.
            ports: Where it is to listen.

        Raises:
            InvalidValueError: The swarm key is not to be used.
            KuboNodeError: The repository cannot be made, read or written.
        """
        try:
            if not self.exists:
                self._make(executable, settings)
            self._write(configured(self._configuration(), settings=settings, ports=ports))
            place_swarm_key(self.folder, settings.swarm_key)
            # Left by a node that was killed: a later one's would be taken for it.
            (self.folder / "api").unlink(missing_ok=True)
        except OSError as error:
            raise KuboNodeError(f"{self.folder} cannot be written ({error.strerror})") from error

    def _make(self, executable: Path, settings: KuboSettings) -> None:
        """Make it beside, then rename: a repository that exists is whole."""
        draft = self.folder.with_name(f"{self.folder.name}.draft")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.rmtree(self.folder, ignore_errors=True)
        draft.mkdir(mode=0o700, parents=True)
        problem = run_to_its_end(
            [str(executable), "init", f"--profile={PROFILE}", "--empty-repo"],
            environment=environment(settings, repository=str(draft)),
            folder=draft,
            timeout_s=settings.init_timeout_s,
        )
        if problem is not None:
            raise KuboNodeError(f"`{executable} init` made no repository: {problem}")
        (draft / "output.log").unlink()
        draft.rename(self.folder)

    def _configuration(self) -> Mapping[str, Any]:
        path = self.folder / "config"
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(found, dict) and found["Identity"]["PeerID"]:
                return found
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise KuboNodeError(
                f"{path} is damaged ({error!r}); move {self.folder} away and start again: blocks come back from peers"
            ) from error
        raise KuboNodeError(f"{path} is not Kubo's; move {self.folder} away and start again")

    def _write(self, configuration: Mapping[str, Any]) -> None:
        draft = self.folder / "config.draft"
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, CONFIGURATION_MODE)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(configuration, file, indent=2)
        draft.replace(self.folder / "config")
