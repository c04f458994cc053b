"""Let an unmodified program resolve names with a local cloud's name server.

It runs in a mount namespace of its own, whose ``resolv.conf`` names that server.
"""

import os
import shutil
import subprocess
from pathlib import Path

from hotsite.errors import NotReadyError, RefusedError
from hotsite.local import network
from hotsite.local.cloud import CloudState

_SHELL = 'mount --bind "$0" /etc/resolv.conf && exec "$@"'


def inside(folder: Path, state: CloudState) -> list[str]:
    """Return the words that, put before a program's, run it in such a namespace.

    The program takes the place of every process on the way: signals and its exit
    code pass through.

    Args:
        folder: The cloud's folder.
        state: The cloud.

    Raises:
        RefusedError: This machine or user may not do that; the reason says what
            would allow it.
        NotReadyError: A program that it takes is missing.
    """
    if network.DNS_PORT_PRIVILEGED not in state.dns_ports:
        raise RefusedError(
            f"local exec needs DNS on {state.dns_address}:53, which this user may not "
            "bind: run as root, or sysctl net.ipv4.ip_unprivileged_port_start=53"
        )
    unshare = shutil.which("unshare")
    if unshare is None:
        raise NotReadyError("local exec needs the program unshare (util-linux, Linux)")
    resolv = folder.absolute() / "resolv.conf"
    resolv.write_text(
        f"nameserver {state.dns_address}\noptions timeout:1 attempts:2\n", "ascii"
    )
    flags = ["--mount"] if os.geteuid() == 0 else ["--mount", "--map-root-user"]
    command = [unshare, *flags, "--"]
    probe = subprocess.run(
        [*command, "true"], capture_output=True, text=True, check=False, timeout=10
    )
    if probe.returncode != 0:
        raise RefusedError(
            "local exec: this machine does not permit mount namespaces: "
            f"{probe.stderr.strip()}"
        )
    return [*command, "sh", "-c", _SHELL, str(resolv)]
