"""Generates `adaptor/api` from `protos/`, and tells whether what is committed is current.

The generated modules are committed so that installing adaptor needs no compiler; a test calls `stale_files`.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_TYPE_PLUGINS = ("protoc-gen-mypy", "protoc-gen-mypy_grpc")
PACKAGE_DOCSTRING = '"""Generated from protos/ by `make proto`; do not edit."""\n'


def generate(target: Path) -> None:
    """Write the modules and their type stubs for every proto file into `target`.

    Args:
        target: Folder that stands for the root of the source tree, so that imports come out right.

    Raises:
        RuntimeError: If protoc refuses a file; it has printed why.
    """
    from grpc_tools import protoc

    protos = ROOT / "protos"
    files = sorted(str(path.relative_to(protos)) for path in protos.rglob("*.proto"))
    with tempfile.TemporaryDirectory() as folder:
        staged = _staged_under_api(protos, Path(folder))
        arguments = [
            "protoc",
            f"-I{staged}",
            f"--python_out={target}",
            f"--grpc_python_out={target}",
            *(f"--plugin={plugin}={Path(sys.executable).with_name(plugin)}" for plugin in _TYPE_PLUGINS),
            f"--mypy_out=quiet:{target}",
            f"--mypy_grpc_out=quiet:{target}",
            *(f"adaptor/api/{name.removeprefix('adaptor/')}" for name in files),
        ]
        if protoc.main(arguments) != 0:
            raise RuntimeError("protoc refused the files under protos/")
    for package in ("adaptor/api", "adaptor/api/v1"):
        (target / package / "__init__.py").write_text(PACKAGE_DOCSTRING)


def stale_files(scratch: Path) -> list[str]:
    """Names of committed modules that differ from what `protos/` gives now, or are missing."""
    (scratch / "adaptor" / "api").mkdir(parents=True)
    generate(scratch)
    fresh = {str(path.relative_to(scratch)): path.read_text() for path in scratch.rglob("*.py*")}
    return sorted(
        name for name, text in fresh.items() if not (ROOT / name).is_file() or (ROOT / name).read_text() != text
    )


def _staged_under_api(protos: Path, folder: Path) -> Path:
    """Copy of the proto files at ``adaptor/api/``, imports too: protoc derives Python's module names from the path."""
    for path in protos.rglob("*.proto"):
        staged = folder / "adaptor" / "api" / path.relative_to(protos / "adaptor")
        staged.parent.mkdir(parents=True, exist_ok=True)
        staged.write_text(path.read_text().replace('import "adaptor/', 'import "adaptor/api/'))
    return folder


if __name__ == "__main__":
    try:
        generate(ROOT)
    except RuntimeError as error:
        sys.exit(str(error))
