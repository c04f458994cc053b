"""Where else a global table is: the one place that a site learns its peer's Region."""

from typing import Any

from hotsite.adapters.aws.session import translated


def other_region(dynamodb: Any, table: str, region: str) -> str | None:
    """Return the other Region of a global table, as its own replica tells it.

    A site's template names no other Region, so that either can be made and removed
    alone.

    Args:
        dynamodb: A boto3 client of DynamoDB.
        table: Name of the global table.
        region: This Region.

    Returns:
        None when the table tells of no other replica, as in the local cloud.

    Raises:
        UnreachableError: The table did not answer.
    """
    with translated(f"look up the replicas of {table}"):
        found = dynamodb.describe_table(TableName=table)["Table"]
    names = sorted(one["RegionName"] for one in found.get("Replicas", ()))
    return next((name for name in names if name != region), None)
