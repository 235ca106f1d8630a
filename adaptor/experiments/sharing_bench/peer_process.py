"""A peer of the benchmark, seen from the process that measures: started, told what to do, and ended for certain."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from adaptor.errors import TrialError
from adaptor.experiments.sharing_bench.peer import LONGEST_LINE_BYTES, READY

START_S = 60.0
"""Longest wait for a process to be ready: it takes about 2 s, and ten of them may start on busy cores."""

STOP_S = 15.0
"""Longest wait for its end before it is killed: calls to peers in flight may take 10 s."""

CALL_S = 60.0
"""Longest wait for an answer where the command says nothing else."""

GRACE_S = 10.0
"""How much later than it promised a command may answer: the event loop may be in the middle of a page."""


class PeerProcess:
    """One peer.

    Args:
        name: For messages.
        process: The process.
    """

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process
        self._number = 0
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._reader = asyncio.get_running_loop().create_task(self._read())

    @classmethod
    async def start(cls, name: str, folder: Path, flags: Mapping[str, str]) -> PeerProcess:
        """Start a peer and wait until it reads commands.

        Args:
            name: For messages.
            folder: Its state directory.
            flags: Settings that differ from the defaults.
        """
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "adaptor.experiments.sharing_bench.peer",
            str(folder),
            *(f"{name}={value}" for name, value in flags.items()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LONGEST_LINE_BYTES,
        )
        try:
            line = await asyncio.wait_for(_output(process).readline(), START_S)
            if line.decode().strip() != READY:
                raise TrialError(f"{name} did not start; standard error says why")
        except BaseException:
            await _end(process)
            raise
        return cls(name, process)

    async def call(self, command: str, *, answer_s: float = CALL_S, **arguments: object) -> dict[str, Any]:
        """Let the peer do something.

        Args:
            command: A method of `peer.Peer`.
            answer_s: Longest wait.
            arguments: Of the method.

        Raises:
            TrialError: If it did not, or not in time.
        """
        self._number += 1
        number = self._number
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[number] = answer
        line = json.dumps({"number": number, "do": command, "with": arguments})
        if self._process.stdin is None or self._reader.done():
            raise TrialError(f"{self.name} has ended")
        self._process.stdin.write(line.encode() + b"\n")
        try:
            said = await asyncio.wait_for(answer, answer_s)
        except asyncio.TimeoutError as error:
            raise TrialError(f"{self.name} did not answer to {command} within {answer_s:.0f} s") from error
        finally:
            self._answers.pop(number, None)
        if "error" in said:
            raise TrialError(f"{self.name}: {said['error']}")
        return said

    async def wait(self, command: str, *, within_s: float, **arguments: object) -> dict[str, Any]:
        """As `call`, for commands that wait for something within a time."""
        return await self.call(command, answer_s=within_s + GRACE_S, within_s=within_s, **arguments)

    async def stop(self) -> None:
        """End the peer."""
        await _end(self._process)
        self._reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._reader

    async def _read(self) -> None:
        while line := await _output(self._process).readline():
            said = json.loads(line)
            answer = self._answers.get(said.pop("of"))
            if answer is not None and not answer.done():
                answer.set_result(said)
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(TrialError(f"{self.name} has ended; standard error says why"))


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        if process.stdin is not None:
            process.stdin.close()
        try:
            await asyncio.wait_for(process.wait(), STOP_S)
        except asyncio.TimeoutError:
            process.kill()
            await process.wait()


def _output(process: asyncio.subprocess.Process) -> asyncio.StreamReader:
    if process.stdout is None:
        raise TrialError("a peer has no output")
    return process.stdout
