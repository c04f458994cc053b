"""What does not come over TLS is refused: by buckets, queues and topics alike."""

from collections.abc import Sequence

from aws_cdk import aws_iam as iam
from aws_cdk import aws_sqs as sqs
from constructs import Construct


def refusal(*actions: str, on: Sequence[str]) -> iam.PolicyStatement:
    """Return the statement of a resource's policy that refuses plain text.

    It lets nobody in: who is the owner's own has a policy for that, and a service
    that acts for us needs a statement of its own beside this one.

    Args:
        actions: All that can be asked of the resource.
        on: Its ARNs.
    """
    return iam.PolicyStatement(
        effect=iam.Effect.DENY,
        principals=[iam.AnyPrincipal()],
        actions=list(actions),
        resources=list(on),
        conditions={"Bool": {"aws:SecureTransport": "false"}},
    )


def queue_policy(
    scope: Construct, identifier: str, queue: sqs.CfnQueue, *also: iam.PolicyStatement
) -> None:
    """Give a queue its one policy: a second one would take the place of the first.

    Args:
        scope: Where the queue belongs.
        identifier: Of the policy in the template.
        queue: Which.
        also: Who may come besides those whose own policies let them.
    """
    sqs.CfnQueuePolicy(
        scope,
        identifier,
        queues=[queue.ref],
        policy_document=iam.PolicyDocument(
            statements=[*also, refusal("sqs:*", on=[queue.attr_arn])]
        ),
    )
