"""Names of buckets, which are the world's: computed, so that nobody has to be told."""


def cold_bucket(prefix: str, account_id: str, region: str) -> str:
    """Return the name of a site's bucket of cold telemetry.

    Computed, because bucket names are the world's: at most 20 + 11 + 12 + 1 + 14
    characters of the 63 that Amazon S3 takes ("Bucket naming rules").

    Args:
        prefix: First part of all names.
        account_id: 12 digits.
        region: AWS Region of the site.
    """
    return f"{prefix}-telemetry-{account_id}-{region}"


def firmware_bucket(prefix: str, account_id: str, region: str) -> str:
    """Return the name of a site's bucket of firmware, computed like the cold one.

    Args:
        prefix: First part of all names.
        account_id: 12 digits.
        region: AWS Region of the site.
    """
    return f"{prefix}-firmware-{account_id}-{region}"
