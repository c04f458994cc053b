"""Prove that a device can connect: one real mTLS CONNECT, and good-bye."""

import socket
import time

from hotsite.adapters.mqtt import Credentials, Target, make_tls
from hotsite.core.mqtt import Parser, encode
from hotsite.core.mqtt_packets import (
    Connack,
    Connect,
    Disconnect,
    MalformedPacketError,
    Packet,
)
from hotsite.errors import RefusedError, UnreachableError


def connect_once(
    target: Target, credentials: Credentials, client_id: str, *, limit_s: float = 5.0
) -> float:
    """Connect with a device's certificate and disconnect again.

    A session of the same client id in the same Region is ended by it (MQTT
    3.1.4), so a device that is connected there is not to be probed.

    Args:
        target: Address, port and the name for SNI.
        credentials: The device's certificate and key, and the servers' CA.
        client_id: The thing's name.
        limit_s: Longest wait for each step, in seconds.

    Returns:
        Seconds from dialling until the CONNACK.

    Raises:
        UnreachableError: No answer within the limit.
        RefusedError: The TLS handshake or the CONNECT was refused.
    """
    context = make_tls(credentials)
    began_s = time.perf_counter()
    where = f"{target.server_name} ({target.address}:{target.port})"
    plain = _dial(target, limit_s)
    try:
        with context.wrap_socket(plain, server_hostname=target.server_name) as tls:
            # The device's own keep-alive; nothing stays connected that long.
            tls.sendall(encode(Connect(client_id, keep_alive_s=30)))
            packet = _first_packet(tls)
            took_s = time.perf_counter() - began_s
            if isinstance(packet, Connack) and packet.reason_code == 0:
                tls.sendall(encode(Disconnect()))
                return took_s
    except TimeoutError as error:
        raise UnreachableError(f"{where} did not answer in {limit_s:g} s") from error
    except OSError as error:
        # TLS 1.3 tells a client that its certificate is refused only after the
        # handshake, as a reset or an alert on the first read.
        raise RefusedError(f"{where} closed the connection: {error}") from error
    except MalformedPacketError as error:
        raise RefusedError(f"{where} does not speak MQTT: {error}") from error
    if isinstance(packet, Connack):
        raise RefusedError(f"{where} refused the CONNECT: code {packet.reason_code}")
    raise RefusedError(f"{where} closed the connection instead of a CONNACK")


def _dial(target: Target, limit_s: float) -> socket.socket:
    where = f"{target.server_name} ({target.address}:{target.port})"
    try:
        return socket.create_connection((target.address, target.port), limit_s)
    except TimeoutError as error:
        raise UnreachableError(f"{where} did not answer in {limit_s:g} s") from error
    except ConnectionRefusedError as error:
        raise UnreachableError(f"{where} does not listen") from error
    except OSError as error:
        raise UnreachableError(f"{where} cannot be reached: {error}") from error


def _first_packet(tls: socket.socket) -> Packet | None:
    parser = Parser()
    while data := tls.recv(4096):
        packets = parser.feed(data)
        if packets:
            return packets[0]
    return None
