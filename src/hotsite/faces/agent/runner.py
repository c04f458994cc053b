"""Run one reference agent until its count, a signal or a time limit."""

import asyncio
from pathlib import Path

from hotsite.core.device_values import Output
from hotsite.faces.agent import lines, loop
from hotsite.faces.agent.config import AgentConfig, read_agent
from hotsite.faces.agent.crew import Crew

NO_ANSWER = 3


def run(
    path: Path,
    *,
    is_json: bool,
    message_count: int | None = None,
    time_s_max: float | None = None,
) -> int:
    """Run the agent of a directory or a ``device.json``.

    Args:
        path: The file, or the directory that holds it.
        is_json: Whether events go to stdout as JSON, instead of to stderr as words.
        message_count: Ends after so many messages were made and all that the
            outbox held was acknowledged; None for no end.
        time_s_max: Gives up after so many seconds; None for never.

    Returns:
        0 done or asked to stop · 3 the time was up · 130 interrupted.

    Raises:
        InvalidInputError: The configuration or one of its files is wrong.
        UnreachableError: The outbox cannot be read or written.
    """
    config = read_agent(path)
    return loop.run(_run(config, is_json, message_count, time_s_max))


async def _run(
    config: AgentConfig,
    is_json: bool,  # noqa: FBT001 - private, one caller
    message_count: int | None,
    time_s_max: float | None,
) -> int:
    def tell(thing: str, output: Output) -> None:
        event = lines.device_event(thing, output) or lines.message_event(thing, output)
        if event is not None:
            write = lines.write_json if is_json else lines.write_words
            write(event, at_s=crew.clock())

    stopped = loop.exit_on_signals()
    crew = Crew(config, tell)
    work = asyncio.create_task(crew.run(message_count=message_count))
    try:
        await asyncio.wait(
            (work, stopped, crew.broken),
            timeout=time_s_max,
            return_when=asyncio.FIRST_COMPLETED,
        )
        if crew.broken.done():
            crew.broken.result()
        if stopped.done():
            return stopped.result()
        if not work.done():
            return NO_ANSWER
        work.result()
        return 0
    finally:
        work.cancel()
        await crew.stop()
