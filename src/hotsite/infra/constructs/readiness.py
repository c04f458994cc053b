"""Whether this site could take the fleet, asked every half hour from inside."""

from aws_cdk import aws_iam as iam
from constructs import Construct

from hotsite.infra.constructs.clock import Beat, run_regularly
from hotsite.infra.constructs.functions import Job, SiteFunction, allow
from hotsite.infra.inputs import SiteInputs, arn

# A thousand names at two reads each, four handshakes, and two lists of quotas.
_LIMIT_S = 120


class Readiness(Construct):
    """The function and its clock; ``constructs/alarms.py`` has the alarm."""

    def __init__(self, scope: Construct, inputs: SiteInputs) -> None:
        super().__init__(scope, "Readiness")
        job = Job(
            "readiness",
            _statements(inputs),
            limit_s=_LIMIT_S,
            variables=_variables(inputs),
        )
        function = SiteFunction(self, job, inputs)
        beat = Beat("30 minutes", age_s_max=600, retries_max=2)
        run_regularly(self, "Clock", function, beat)
        self.function = function.name


def _statements(inputs: SiteInputs) -> tuple[iam.PolicyStatement, ...]:
    """Read what status reads, keep what was said last, add to the journal."""
    registry, applied, operations = (
        arn("dynamodb", f"table/{inputs.settings.table(noun)}")
        for noun in ("registry", "applied", "operations")
    )
    return (
        allow("dynamodb:Query", "dynamodb:Scan", on=[registry]),
        allow("dynamodb:GetItem", "dynamodb:PutItem", on=[applied]),
        allow(
            # Which Region the other replica is in.
            "dynamodb:DescribeTable",
            "dynamodb:PutItem",
            "dynamodb:Query",
            on=[operations],
        ),
        # It knows no resources (Service Authorization Reference, Service Quotas).
        allow("servicequotas:ListServiceQuotas", on=["*"]),
    )


def _variables(inputs: SiteInputs) -> tuple[tuple[str, str], ...]:
    settings = inputs.settings
    size = settings.telemetry.fleet_size
    return (
        ("FLEET_SIZE", "" if size is None else str(size)),
        ("RTO_S", f"{settings.objectives.rto_s:g}"),
    )
