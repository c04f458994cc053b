"""What ``hotsite local status`` shows: processes, names, health, replication."""

from dataclasses import asdict, dataclass
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rdatatype

from hotsite.errors import HotsiteError
from hotsite.local import cloud
from hotsite.local.client import LocalCloud, SiteHealth
from hotsite.local.cloud import CloudState
from hotsite.local.faults import Fault
from hotsite.local.processes import is_alive
from hotsite.local.pumps import PumpStatus

_DNS_S_MAX = 1.0


@dataclass(frozen=True, slots=True)
class Found:
    """What was seen in one look.

    Attributes:
        document: All of it, for machines.
        text: The same for people.
        troubles: What is wrong; empty when all is well.
    """

    document: dict[str, Any]
    text: str
    troubles: tuple[str, ...]


def describe(state: CloudState) -> dict[str, Any]:
    """Return a cloud's state without the password of its test user.

    Args:
        state: What the cloud says about itself.
    """
    document = asdict(state)
    del document["password"]
    return document


def look(local: LocalCloud) -> Found:
    """Look at everything once; what does not answer is trouble, not an error.

    Args:
        local: The cloud, in whatever state.
    """
    state = local.state
    troubles = list(cloud.troubles(state))
    if not troubles and state.state != cloud.READY:
        troubles.append(f"the cloud is {state.state}")
    name = f"iot.{state.domain}"
    answer = None
    health: tuple[SiteHealth, ...] = ()
    pumps: tuple[PumpStatus, ...] = ()
    copies: tuple[PumpStatus, ...] = ()
    if not troubles:
        answer = _resolve(state, name)
        try:
            health, pumps = local.health(), tuple(local.pumps())
            copies = tuple(local.copies())
        except HotsiteError as error:
            troubles.append(str(error))
    processes = _processes(state)
    document = {
        **describe(state),
        "processes": processes,
        "answers": {name: answer},
        "health": [asdict(each) for each in health],
        "replication": [asdict(each) for each in pumps],
        "copies": [asdict(each) for each in copies],
        "troubles": troubles,
    }
    region = next((s.region for s in state.sites if s.address == answer), None)
    lines = [
        f"{state.name}: {'in trouble' if troubles else state.state}",
        f"  {name} -> {answer or 'no answer'}{f' ({region})' if region else ''}",
        *(_process_line(each) for each in processes),
        *(_fault_line(each) for each in state.faults),
        *(_health_line(each) for each in health),
        *(_pump_line(each) for each in (*pumps, *copies)),
    ]
    return Found(document, "\n".join(lines), tuple(troubles))


def _processes(state: CloudState) -> list[dict[str, Any]]:
    return [
        {
            "name": process.identity.name,
            "pid": process.identity.pid,
            "state": process.state,
            "is_alive": is_alive(process.identity),
            "address": _address(state, process.identity.name),
        }
        for process in state.processes
    ]


def _process_line(process: dict[str, Any]) -> str:
    state = process["state"] if process["is_alive"] else "gone"
    if process["state"] == "killed":
        state = "killed by a fault"
    where = process["address"] or "-"
    return f"  {process['name']:10} {where:12} pid {process['pid']:<8} {state}"


def _fault_line(fault: Fault) -> str:
    words = ["  fault", fault.kind]
    if fault.region:
        words.append(f"of {fault.region}")
    if fault.share:
        words.append(f"({fault.share:.0%})")
    return " ".join(words)


def _health_line(site: SiteHealth) -> str:
    word = "healthy" if site.is_healthy else "unhealthy"
    share = f"{site.checkers_healthy} of {site.checkers} checkers"
    return f"  {site.region:14} {word} ({share})"


def _pump_line(pump: PumpStatus) -> str:
    way = f"{pump.table} {pump.source} -> {pump.replica}"
    lag = "unknown" if pump.lag_s is None else f"{pump.lag_s:.1f} s"
    return f"  {way}: {pump.pending} pending, lag {lag}"


def _address(state: CloudState, name: str) -> str | None:
    for site in state.sites:
        if name == f"region-{site.letter}":
            return site.address
    return state.dns_address if name in {"dns", "issuer"} else None


def _resolve(state: CloudState, name: str) -> str | None:
    query = dns.message.make_query(name, dns.rdatatype.A)
    try:
        answer = dns.query.udp(
            query, state.dns_address, timeout=_DNS_S_MAX, port=state.dns_port
        )
    except (dns.exception.DNSException, OSError):
        return None
    for found in answer.answer:
        if found.rdtype == dns.rdatatype.A:
            return str(found[0])
    return None
