"""What a function may do to the registry of AWS IoT Core: look, change, and no more."""

from aws_cdk import aws_iam as iam

from hotsite.infra.constructs.functions import allow
from hotsite.infra.inputs import arn

Statements = tuple[iam.PolicyStatement, ...]


def look_at_things() -> Statements:
    """Return what observing a thing needs."""
    return (
        allow("iot:ListAttachedPolicies", on=["*"]),
        allow("iot:DescribeCertificate", on=[arn("iot", "cert/*")]),
        allow(
            "iot:DescribeThing",
            "iot:ListThingGroupsForThing",
            "iot:ListThingPrincipals",
            on=[arn("iot", "thing/*")],
        ),
    )


def look() -> Statements:
    """Return what observing any key needs."""
    return (
        *look_at_things(),
        # Whose certificate it is; the local cloud checks it on * only.
        allow("iot:ListPrincipalThings", on=["*"]),
        # AWS checks it on the CA certificate, the local cloud on * only.
        allow("iot:DescribeCACertificate", on=["*"]),
        allow(
            "iot:GetPolicy",
            "iot:ListPolicyVersions",
            on=[arn("iot", "policy/*")],
        ),
        allow(
            "iot:GetThingShadow",
            "iot:ListNamedShadowsForThing",
            on=[arn("iot", "thing/*")],
        ),
        allow("iot:DescribeThingGroup", on=[arn("iot", "thinggroup/*")]),
        allow("iot:DescribeThingType", on=[arn("iot", "thingtype/*")]),
    )


def let_in() -> Statements:
    """Return what gives a thing its certificate, or closes it."""
    things, certificates = arn("iot", "thing/*"), arn("iot", "cert/*")
    return (
        allow("iot:RegisterCertificateWithoutCA", on=["*"]),
        allow("iot:CreateThing", "iot:UpdateThing", on=[things]),
        # AWS checks it on the certificate, the local cloud on the thing.
        allow("iot:AttachThingPrincipal", on=[certificates, things]),
        allow("iot:UpdateCertificate", on=[certificates]),
        allow("iot:AddThingToThingGroup", on=[things, arn("iot", "thinggroup/*")]),
    )


def change_things() -> Statements:
    """Return what makes a thing and its certificates as a record says."""
    things, certificates = arn("iot", "thing/*"), arn("iot", "cert/*")
    return (
        *let_in(),
        # AWS checks these two on the target, the local cloud on * only.
        allow("iot:AttachPolicy", "iot:DetachPolicy", on=["*"]),
        # AWS checks it on the certificate, the local cloud on the thing.
        allow("iot:DetachThingPrincipal", on=[certificates, things]),
        allow("iot:DeleteCertificate", on=[certificates]),
        allow(
            "iot:RemoveThingFromThingGroup",
            on=[things, arn("iot", "thinggroup/*")],
        ),
    )


def change_the_rest() -> Statements:
    """Return what makes everything else as records say, deletions included."""
    return (
        # AWS checks the latter two on the CA certificate, the local cloud on *.
        allow(
            "iot:RegisterCACertificate",
            "iot:DeleteCACertificate",
            "iot:UpdateCACertificate",
            on=["*"],
        ),
        allow(
            "iot:DeleteThing",
            "iot:DeleteThingShadow",
            "iot:UpdateThingShadow",
            on=[arn("iot", "thing/*")],
        ),
        allow(
            "iot:CreateThingGroup",
            "iot:DeleteThingGroup",
            "iot:UpdateThingGroup",
            on=[arn("iot", "thinggroup/*")],
        ),
        allow(
            "iot:CreateThingType",
            "iot:DeleteThingType",
            "iot:DeprecateThingType",
            on=[arn("iot", "thingtype/*")],
        ),
        allow(
            "iot:CreatePolicy",
            "iot:CreatePolicyVersion",
            "iot:DeletePolicy",
            "iot:DeletePolicyVersion",
            on=[arn("iot", "policy/*")],
        ),
    )
