"""``DeleteConnection`` of the data plane, which ministack lacks.

AWS IoT Core sends DISCONNECT and closes the socket; the client may come back at once
(Developer Guide, "Disconnecting MQTT clients"). Which reason code it sends is not
documented: 0x98, administrative action, is ours.
"""
# ruff: noqa: SLF001 - ministack offers no public look-ups; install() checks the version.

import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from hotsite.local.region.config import RegionConfig
from hotsite.local.region.registry.answers import Answer, answered, invalid, refused
from hotsite.local.region.registry.operations import Call, Operations, Request

ADMINISTRATIVE_ACTION = 0x98
# Since MQTT 5 a server may send DISCONNECT (MQTT 5.0, section 3.14).
_MQTT_5 = 5

Handler = Callable[..., Awaitable[Answer]]


class Connections:
    """The data plane's front for connections."""

    def __init__(self, iot: Any, config: RegionConfig) -> None:
        self._iot = iot
        self._config = config
        self._operations = Operations("iot-data")

    def handle(self, original: Handler) -> Handler:
        """Return the data plane's handler, which also ends connections."""

        async def handle(*details: Any) -> Answer:
            call = self._operations.recognise(Request(*details))
            if call is None or call.operation != "DeleteConnection":
                return await original(*details)
            broken = self._operations.violation(call)
            if broken is not None:
                return invalid(broken)
            return await self._delete(call)

        return handle

    async def _delete(self, call: Call) -> Answer:
        key = (self._config.account_id, self._config.region, call.text("clientId"))
        session = self._iot._connected_clients.get(key)
        if session is None:
            return refused("ResourceNotFoundException", "Client is not connected")
        if _is_true(call, "preventWillMessage"):
            session._will_topic = None
        if _is_true(call, "cleanSession"):
            session._persist_session = False
        session._forced_disconnect_reason = "API_INITIATED_DISCONNECT"
        # A client that is gone meanwhile is what was asked for.
        with contextlib.suppress(OSError):
            if session.protocol_version == _MQTT_5:
                told = self._iot._make_disconnect(ADMINISTRATIVE_ACTION)
                await session.send_bytes(told)
            await session._send({"type": "websocket.close", "code": 1000})
        await session.cleanup()
        return answered({})


def _is_true(call: Call, name: str) -> bool:
    """Say whether a flag was sent, as the word that a query holds."""
    return str(call.parameters.get(name, "")).lower() == "true"
