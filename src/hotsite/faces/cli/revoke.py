"""``hotsite revoke``: shut a device out, in every Region and for ever."""

import argparse
import json
import re
from typing import Any

from hotsite.core.registry import CertificateStatus, Names, thing_key
from hotsite.errors import InvalidInputError, NotFoundError
from hotsite.faces.cli import sites
from hotsite.faces.cli.sites import Remote

_EPILOG = """\
The revocation is written into the record, in whichever Region answers, so it works
while the other one is dead. Both Regions then close the certificate; no later change
can open it again.

examples:
  hotsite revoke oven-1
  hotsite revoke oven-1 --certificate 0a1b... --local
"""
_CERTIFICATE_ID = re.compile(r"[0-9a-f]{64}")


def register(commands: Any) -> None:
    """Add the command."""
    command = commands.add_parser(
        "revoke",
        help="shut a device out, in every Region and for ever",
        description="Revoke one certificate of a thing, or all that it has.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("thing", metavar="THING", help="name of the thing")
    command.add_argument(
        "--certificate", metavar="ID", help="64 hex digits; default: all of them"
    )
    sites.add_arguments(command)
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Write the revocation; doing it again changes nothing."""
    wanted = options.certificate
    if wanted is not None and not _CERTIFICATE_ID.fullmatch(wanted):
        raise InvalidInputError(f"--certificate {wanted}: 64 hex digits, lower case")

    def write(remote: Remote) -> Names:
        return _revoked(remote, options.thing, wanted)

    remote, revoked = sites.first_answer(sites.open_all(options), write)
    if options.json:
        document = {"thing": options.thing, "revoked": list(revoked)}
        print(json.dumps({**document, "written_in": remote.region}))
    else:
        for certificate_id in revoked:
            print(f"revoked {certificate_id} of {options.thing}")
        sites.say(f"written in {remote.region}; both Regions close it within seconds")
    return 0


def _revoked(remote: Remote, thing: str, wanted: str | None) -> Names:
    """Write the revocations in one Region and return their certificates."""
    records, key = remote.intake().site.records, thing_key(thing)
    try:
        record = records.read(key)
    except InvalidInputError:
        # A record that cannot be read must not keep a device inside.
        if wanted is None:
            raise
        records.write_revoked(key, wanted)
        return (wanted,)
    known = (*(item.certificate_id for item in record.certificates), *record.gone)
    if wanted is not None and wanted not in known:
        has = ", ".join(known) or "none"
        raise NotFoundError(f"{thing} has no certificate {wanted}; it has {has}")
    open_ones = tuple(
        item.certificate_id
        for item in record.certificates
        if item.status is not CertificateStatus.REVOKED
    )
    if wanted is None and not known:
        raise NotFoundError(f"the record knows no certificate of {thing}")
    chosen = (wanted,) if wanted is not None else open_ones
    for certificate_id in chosen:
        records.write_revoked(key, certificate_id)
    return chosen
