"""Knowledge that a test wrote down."""

from __future__ import annotations

from adaptor.domain.context import ExecutionContext
from adaptor.domain.known import Known


class ScriptedKnowledge:
    """Says the same of every execution context.

    Args:
        known: What it says.
    """

    def __init__(self, known: Known | None = None) -> None:
        self._known = known or Known()

    async def of(self, context: ExecutionContext) -> Known:  # noqa: ARG002 - the port's signature
        """What is known of an execution context."""
        return self._known
