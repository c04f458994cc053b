"""What the contract suite makes in an AWS account, and how it goes again.

Every client is watched: a call that would make something whose name does not
begin with this run's prefix is refused before it is sent, and each name is noted
before the call that makes it, in a file that outlives the run. Only what was noted
is removed. After a run that was killed:

    python -m tests.contract.belongings --remove hotsite-contract-0123abcd
"""

import argparse
import contextlib
import functools
import json
import re
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from hotsite.core.validity import certificate_id_of
from hotsite.errors import InvalidInputError

PREFIX = re.compile(r"hotsite-contract-[0-9a-f]{8}")
NOTES = Path(__file__).parents[2] / ".pytest_cache" / "hotsite-contract"
# How long AWS may take to let something go: a thing type five minutes after its
# deprecation (botocore model of AWS IoT, DeleteThingType), a policy "up to five
# minutes" after it was detached (DetachPolicy).
WITHIN_S = 420.0
ROUND_S = 1.0

# The parameter that names what each call makes.
MAKERS = {
    "dynamodb": {"CreateTable": "TableName"},
    "s3": {"CreateBucket": "Bucket"},
    "iot": {
        "CreateThing": "thingName",
        "CreateThingType": "thingTypeName",
        "CreateThingGroup": "thingGroupName",
        "CreatePolicy": "policyName",
        "RegisterCertificateWithoutCA": "certificatePem",
        "RegisterCACertificate": "caCertificate",
    },
    "iot-data": {"UpdateThingShadow": "thingName"},
}
# What undoes each call; what is attached goes before what it is attached to.
UNDOING = {
    "UpdateThingShadow": "delete_shadows",
    "CreateThing": "delete_thing",
    "RegisterCertificateWithoutCA": "delete_certificate",
    "CreateThingGroup": "delete_group",
    "CreatePolicy": "delete_policy",
    "CreateThingType": "delete_type",
    "RegisterCACertificate": "delete_ca",
    "CreateTable": "delete_table",
    "CreateBucket": "delete_bucket",
}
IS_GONE = {"ResourceNotFoundException", "NoSuchBucket", "404"}


@dataclass
class Belongings:
    """Names that one run has made.

    Attributes:
        prefix: What each name begins with.
        account: Where they are, as in ARNs: Region and account id.
        within_s: How long to wait until AWS lets something go.
        notes: The file that they are noted in.
        made: Which call made what.
    """

    prefix: str
    account: str
    within_s: float = WITHIN_S
    notes: Path | None = None
    made: dict[tuple[str, str], None] = field(default_factory=dict)

    def __post_init__(self):
        assert PREFIX.fullmatch(self.prefix), f"{self.prefix} is no run's prefix"
        place = self.account.replace(":", "-")
        self.notes = self.notes or NOTES / f"{self.prefix}-{place}.jsonl"

    def watch(self, service, client):
        """Note what a client makes from now on."""
        for operation, parameter in MAKERS.get(service, {}).items():
            client.meta.events.register(
                f"provide-client-params.{service}.{operation}",
                functools.partial(self._note_call, parameter),
            )
        if service == "iot":
            client.meta.events.register(
                "after-call.iot.CreateCertificateFromCsr",
                lambda parsed, **_: self._note_issued(parsed),
            )
        return client

    def note(self, operation, name):
        """Note a name, in the file as well."""
        if (operation, name) in self.made:
            return
        self.made[(operation, name)] = None
        self.notes.parent.mkdir(parents=True, exist_ok=True)
        with self.notes.open("a") as file:
            file.write(json.dumps([operation, name]) + "\n")

    def _note_call(self, parameter, *, params, model, **_):
        operation, name = model.name, params[parameter]
        if operation.startswith("Register"):
            with contextlib.suppress(InvalidInputError):
                self.note(operation, certificate_id_of(name))
            return
        if not name.startswith(f"{self.prefix}-"):
            raise AssertionError(f"{operation} {name}: not of this run")
        self.note(operation, name)

    def _note_issued(self, parsed):
        if "certificateId" in parsed:
            self.note("RegisterCertificateWithoutCA", parsed["certificateId"])

    def read_notes(self):
        """Take what a run has noted that is no more; say whether there was any."""
        if not self.notes.exists():
            return False
        for line in self.notes.read_text().splitlines():
            # The last line may be torn.
            with contextlib.suppress(ValueError):
                self.made[tuple(json.loads(line))] = None
        return True

    def remove(self, client, tell=print):
        """Remove everything that was noted; tell of what would not go.

        In rounds, because AWS lets some things go only minutes after others.

        Args:
            client: Makes a client of a service that may be unwatched.
            tell: Is given lines for the person who has asked for the run.
        """
        removal, errors = Removal(client, self.account), {}
        # Children were made after their parents.
        order = list(UNDOING)
        numbers = {one: number for number, one in enumerate(self.made)}
        pending = sorted(
            self.made, key=lambda one: (order.index(one[0]), -numbers[one])
        )
        deadline_s = time.monotonic() + self.within_s
        try:
            while pending:
                for one in tuple(pending):
                    errors[one] = removal.attempt(*one)
                    if errors[one] is None:
                        pending.remove(one)
                if pending and time.monotonic() > deadline_s:
                    break
                if pending:
                    time.sleep(ROUND_S)
        finally:
            self._tell_of(pending, errors, tell)
        assert not pending, f"{len(pending)} are still there"

    def _tell_of(self, pending, errors, tell):
        self.made = dict.fromkeys(pending)
        if not pending:
            self.notes.unlink(missing_ok=True)
            return
        tell(f"{len(pending)} things of {self.prefix} are still in {self.account}:")
        for one in pending:
            tell(f"  {' '.join(one)}: {errors.get(one) or 'not tried'}")
        tell("Remove them with:")
        tell(f"  python -m tests.contract.belongings --remove {self.prefix}")
        tell("and the same --aws-profile and --aws-region.")


class Removal:
    """Undoes each call that makes something; what was not made is no error."""

    def __init__(self, client, account):
        self.iot, self.data = client("iot"), client("iot-data")
        self.dynamodb, self.s3 = client("dynamodb"), client("s3")
        self.account = account

    def attempt(self, operation, name):
        """Return why something could not be removed, or nothing when it is gone."""
        try:
            getattr(self, UNDOING[operation])(name)
        except ClientError as error:
            is_gone = error.response["Error"]["Code"] in IS_GONE
            return None if is_gone else str(error)
        except BotoCoreError as error:
            return str(error)
        return None

    def delete_shadows(self, thing):
        for more in ({}, *({"shadowName": name} for name in self._named(thing))):
            with contextlib.suppress(self.data.exceptions.ResourceNotFoundException):
                self.data.delete_thing_shadow(thingName=thing, **more)

    def _named(self, thing):
        found, more = [], {}
        while True:
            answer = self.data.list_named_shadows_for_thing(thingName=thing, **more)
            found += answer["results"]
            if "nextToken" not in answer:
                return found
            more = {"nextToken": answer["nextToken"]}

    def delete_thing(self, name):
        for principal in self.iot.list_thing_principals(thingName=name)["principals"]:
            self.iot.detach_thing_principal(thingName=name, principal=principal)
        self.iot.delete_thing(thingName=name)

    def delete_certificate(self, certificate_id):
        there = self.iot.describe_certificate(certificateId=certificate_id)
        if there["certificateDescription"]["status"] == "ACTIVE":
            self.iot.update_certificate(
                certificateId=certificate_id, newStatus="INACTIVE"
            )
        arn = f"arn:aws:iot:{self.account}:cert/{certificate_id}"
        self._detach_policies(arn)
        self.iot.delete_certificate(certificateId=certificate_id)

    def delete_group(self, name):
        self._detach_policies(f"arn:aws:iot:{self.account}:thinggroup/{name}")
        # Succeeds for a group that is not there (botocore model of AWS IoT).
        self.iot.delete_thing_group(thingGroupName=name)

    def delete_policy(self, name):
        for version in self.iot.list_policy_versions(policyName=name)["policyVersions"]:
            if not version["isDefaultVersion"]:
                self.iot.delete_policy_version(
                    policyName=name, policyVersionId=version["versionId"]
                )
        self.iot.delete_policy(policyName=name)

    def delete_type(self, name):
        there = self.iot.describe_thing_type(thingTypeName=name)
        if not there["thingTypeMetadata"].get("deprecated"):
            self.iot.deprecate_thing_type(thingTypeName=name)
        self.iot.delete_thing_type(thingTypeName=name)

    def delete_ca(self, certificate_id):
        self.iot.update_ca_certificate(
            certificateId=certificate_id, newStatus="INACTIVE"
        )
        self.iot.delete_ca_certificate(certificateId=certificate_id)

    def delete_table(self, name):
        self.dynamodb.delete_table(TableName=name)

    def delete_bucket(self, name):
        for page in self.s3.get_paginator("list_objects_v2").paginate(Bucket=name):
            for item in page.get("Contents", ()):
                self.s3.delete_object(Bucket=name, Key=item["Key"])
        self.s3.delete_bucket(Bucket=name)

    def _detach_policies(self, target):
        for policy in self.iot.list_attached_policies(target=target)["policies"]:
            self.iot.detach_policy(policyName=policy["policyName"], target=target)


LISTS = {
    "CreateThing": ("list_things", "things", "thingName"),
    "CreateThingType": ("list_thing_types", "thingTypes", "thingTypeName"),
    "CreateThingGroup": ("list_thing_groups", "thingGroups", "groupName"),
    "CreatePolicy": ("list_policies", "policies", "policyName"),
}


def look_for(belongings, client):
    """Add what bears a run's name, and the certificates of its things.

    A certificate that is attached to no thing bears no name: only the notes of
    the run know it.
    """
    iot, prefix = client("iot"), f"{belongings.prefix}-"
    found = []
    for operation, (call, items, name) in LISTS.items():
        pages = iot.get_paginator(call).paginate()
        found += [(operation, item[name]) for page in pages for item in page[items]]
    pages = client("dynamodb").get_paginator("list_tables").paginate()
    found += [("CreateTable", name) for page in pages for name in page["TableNames"]]
    buckets = client("s3").list_buckets()["Buckets"]
    found += [("CreateBucket", bucket["Name"]) for bucket in buckets]
    for operation, name in found:
        if name.startswith(prefix):
            belongings.note(operation, name)
        if name.startswith(prefix) and operation == "CreateThing":
            belongings.note("UpdateThingShadow", name)
            for one in _certificates_of(iot, name, prefix):
                belongings.note("RegisterCertificateWithoutCA", one)


def _certificates_of(iot, thing, prefix):
    """Certificates of a thing that no thing of another name has as well."""
    for principal in iot.list_thing_principals(thingName=thing)["principals"]:
        things = iot.list_principal_things(principal=principal)["things"]
        if all(name.startswith(prefix) for name in things):
            yield principal.rsplit("/", 1)[-1]


def main(arguments=None):
    """Remove what a run has left behind; return the exit status."""
    parser = argparse.ArgumentParser("python -m tests.contract.belongings")
    parser.add_argument("--remove", metavar="PREFIX", required=True)
    parser.add_argument("--aws-profile")
    parser.add_argument("--aws-region")
    options = parser.parse_args(arguments)
    if not PREFIX.fullmatch(options.remove):
        parser.error(f"{options.remove} is no run's prefix")
    session = boto3.Session(
        profile_name=options.aws_profile, region_name=options.aws_region
    )
    account_id = session.client("sts").get_caller_identity()["Account"]
    place = f"{session.region_name}:{account_id}"
    belongings = Belongings(options.remove, place)
    if not belongings.read_notes():
        say(f"no notes in {belongings.notes.parent}: certificates of no thing are left")
    client = functools.cache(session.client)
    look_for(belongings, client)
    say(f"{len(belongings.made)} things of {options.remove} in {place}")
    try:
        belongings.remove(client, tell=say)
    except AssertionError:
        return 1
    return 0


def say(line):
    """Print a line at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
