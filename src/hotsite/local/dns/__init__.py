"""Route 53 of the local cloud: an authoritative DNS server with health checkers.

Run as ``python -m hotsite.local.dns CONFIG.json``; steer it with
``hotsite.local.dns.client.DnsControl``.
"""
