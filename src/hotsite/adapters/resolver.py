"""Ask DNS where a name leads now.

Two resolvers with one method: the machine's own, and one that asks a given
name server, which a test or a drill can point at a zone of its own. Neither
caches by default: a device asks at each attempt, because a cached answer is the
address of the Region that just died.
"""

import asyncio
import socket
from collections.abc import Callable
from typing import Protocol

import dns.asyncquery
import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

from hotsite.core.device_values import Resolved
from hotsite.errors import UnreachableError

# A chain of failover CNAMEs has two links; this many is a loop.
_LINKS_MAX = 8


class Resolver(Protocol):
    """Something that knows where a name leads."""

    async def resolve(self, name: str) -> Resolved:
        """Return the address and the site behind a name.

        Raises:
            UnreachableError: There is no answer, or no address in it.
        """
        ...


class SystemResolver:
    """The resolver of the machine (``getaddrinfo``); it hides the TTL."""

    async def resolve(self, name: str) -> Resolved:
        """Return what the machine's resolver says.

        Args:
            name: A host name.

        Returns:
            The first IPv4 address; the canonical name as the site.

        Raises:
            UnreachableError: The name has no address, or nothing answered.
        """
        try:
            answers = await asyncio.get_running_loop().getaddrinfo(
                name,
                None,
                family=socket.AF_INET,
                type=socket.SOCK_STREAM,
                flags=socket.AI_CANONNAME,
            )
        except (OSError, UnicodeError) as error:
            raise UnreachableError(f"{name} does not resolve: {error}") from error
        _family, _type, _protocol, canonical, where = answers[0]
        address = str(where[0])
        is_alias = canonical not in {"", name}
        return Resolved(address, canonical if is_alias else address)


class DnsResolver:
    """Asks one name server over UDP, and over TCP when the answer is cut."""

    def __init__(
        self,
        address: str,
        port: int = 53,
        *,
        query_s_max: float = 2.0,
        honour_ttl: Callable[[], float] | None = None,
    ) -> None:
        """Make a resolver.

        Args:
            address: The name server's address.
            port: Its port.
            query_s_max: Longest wait for one answer, in seconds.
            honour_ttl: A clock in seconds, to keep answers for their TTL as a
                stub resolver on the device would; None asks every time.
        """
        self._address = address
        self._port = port
        self._query_s_max = query_s_max
        self._clock = honour_ttl
        self._cache: dict[str, tuple[float, Resolved]] = {}

    async def resolve(self, name: str) -> Resolved:
        """Return what the name server says, following CNAMEs.

        Args:
            name: A host name.

        Returns:
            The first IPv4 address; the last name of the chain as the site, or
            the address without a chain; the smallest TTL on the way.

        Raises:
            UnreachableError: The server did not answer, or has no address.
        """
        if self._clock is None:
            return await self._follow(name)
        until_s, cached = self._cache.get(name, (0.0, None))
        if cached is not None and self._clock() < until_s:
            return cached
        resolved = await self._follow(name)
        self._cache[name] = (self._clock() + resolved.ttl_s, resolved)
        return resolved

    async def _follow(self, name: str) -> Resolved:
        target, ttl_s = f"{name.rstrip('.')}.", float("inf")
        for _ in range(_LINKS_MAX):
            links = await self._ask(target, on_behalf_of=name)
            address = None
            while (link := links.get(target.lower())) is not None:
                ttl_s = min(ttl_s, link.ttl)
                if link.rdtype == dns.rdatatype.A:
                    address = str(link[0])
                    break
                # An answer that circles ends when its links are used up.
                del links[target.lower()]
                target = str(link[0])
            if address is not None:
                end = target.rstrip(".")
                is_alias = end.lower() != name.rstrip(".").lower()
                return Resolved(address, end if is_alias else address, ttl_s)
            if not links and ttl_s == float("inf"):
                break
        raise UnreachableError(f"{name}: no address at the end of {target}")

    async def _ask(
        self, target: str, *, on_behalf_of: str
    ) -> dict[str, dns.rrset.RRset]:
        where = f"{self._address}:{self._port}"
        try:
            query = dns.message.make_query(target, dns.rdatatype.A)
            answer, _is_tcp = await dns.asyncquery.udp_with_fallback(
                query, self._address, timeout=self._query_s_max, port=self._port
            )
        except (dns.exception.DNSException, OSError) as error:
            raise UnreachableError(
                f"{on_behalf_of}: no answer from {where}: {error}"
            ) from error
        if answer.rcode() != dns.rcode.NOERROR:
            code = dns.rcode.to_text(answer.rcode())
            raise UnreachableError(
                f"{on_behalf_of}: {where} answered {code} for {target}"
            )
        wanted = {dns.rdatatype.A, dns.rdatatype.CNAME}
        return {str(s.name).lower(): s for s in answer.answer if s.rdtype in wanted}
