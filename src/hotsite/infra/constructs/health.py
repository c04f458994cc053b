"""The canary of a site: every minute through broker, rule and store."""

import aws_cdk as cdk
from constructs import Construct

from hotsite.infra.constructs import permissions
from hotsite.infra.constructs.clock import Beat, run_regularly
from hotsite.infra.constructs.functions import Job, SiteFunction
from hotsite.infra.constructs.setup import Setup
from hotsite.infra.inputs import SiteInputs

# It runs until the next one starts: two would evict each other's MQTT session,
# because both connect under the canary's one client identifier.
_LIMIT_S = 60


class Canary(Construct):
    """The function and its clock; EventBridge is no faster than a minute."""

    def __init__(self, scope: Construct, inputs: SiteInputs, setup: Setup) -> None:
        super().__init__(scope, "Watch")
        job = Job("canary", permissions.canary(inputs), limit_s=_LIMIT_S)
        function = SiteFunction(self, job, inputs)
        function.waits_for(setup.resource)
        # A late canary says nothing about now. An operator who lights a pilot light
        # finds the rule by its name.
        name = f"{inputs.settings.prefix}-canary"
        state = inputs.compute.choose(on="ENABLED", off="DISABLED")
        beat = Beat("1 minute", name=name, state=cdk.Token.as_string(state))
        run_regularly(self, "Minute", function, beat)
        self.function = function.name
