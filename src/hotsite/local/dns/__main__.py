"""Run the DNS process: ``python -m hotsite.local.dns CONFIG.json``.

Prints one JSON line ``{"kind": "ready", ...}`` when it answers, and ends on
SIGTERM or SIGINT. Exit codes: 0 ended, 2 wrong configuration, 3 a port is taken
or something else of the world is missing.
"""

import asyncio
import json
import logging
import signal
import sys
from pathlib import Path

import uvloop

from hotsite.errors import HotsiteError, InvalidInputError, RefusedError
from hotsite.local.dns.authority import Authority
from hotsite.local.dns.checkers import Pace
from hotsite.local.dns.config import DnsConfig, load_config
from hotsite.local.dns.control import Control
from hotsite.local.dns.events import Events
from hotsite.local.dns.listener import BoundPort, Listener, bind
from hotsite.local.dns.querylog import QueryLog
from hotsite.local.dns.responder import Responder

EXIT_USAGE = 2
EXIT_WORLD = 3
_RELOAD_PAUSE_S = 0.25
_ARGUMENT_COUNT = 2


def main(arguments: list[str]) -> int:
    """Run until a signal ends it.

    Args:
        arguments: ``sys.argv``.

    Returns:
        The exit code.
    """
    if len(arguments) != _ARGUMENT_COUNT:
        _say("usage: python -m hotsite.local.dns CONFIG.json")
        return EXIT_USAGE
    logging.basicConfig(
        level=logging.INFO, stream=sys.stderr, format="dns: %(message)s"
    )
    try:
        config = load_config(Path(arguments[1]))
        bound = _bind_all(config)
        uvloop.run(_run(config, bound))
    except InvalidInputError as error:
        _say(f"dns: {error}")
        return EXIT_USAGE
    except HotsiteError as error:
        _say(f"dns: {error}")
        return EXIT_WORLD
    return 0


def _bind_all(config: DnsConfig) -> list[BoundPort]:
    bound = []
    for port in config.ports:
        try:
            bound.append(bind(config.address, port))
        except RefusedError as error:
            if port not in config.optional_ports:
                raise
            _say(f"dns: warning: {error}; going on without it")
    return bound


async def _run(config: DnsConfig, bound: list[BoundPort]) -> None:
    responder = Responder(seed=config.seed)
    events = Events()
    pace = Pace(config.checker_count, config.seed, config.time_scale)
    authority = Authority(config.zone_path, pace, responder, events)
    log = None if config.query_log is None else QueryLog(config.query_log)
    listeners = [
        Listener(b, responder, tcp_idle_s=config.tcp_idle_s, log=log) for b in bound
    ]
    control = Control(config.control_path, authority, events)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    try:
        authority.start()
        await control.start()
        for listener in listeners:
            await listener.start()
        ready = {
            "kind": "ready",
            "address": config.address,
            "ports": [b.port for b in bound],
        }
        sys.stdout.write(json.dumps(ready) + "\n")
        sys.stdout.flush()
        while not ended.is_set():
            authority.load_if_changed()
            try:
                async with asyncio.timeout(_RELOAD_PAUSE_S):
                    await ended.wait()
            except TimeoutError:
                continue
    finally:
        for listener in listeners:
            await listener.close()
        await control.close()
        await authority.close()


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")


if __name__ == "__main__":
    sys.exit(main(sys.argv))
