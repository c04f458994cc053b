"""Whose name is it: the owner's, which can move, or that of one AWS endpoint."""

# The domains under which AWS hands out endpoints: botocore data/partitions.json,
# dnsSuffix and dualStackDnsSuffix of the commercial, China and EU partitions.
_AWS_DOMAINS = (
    "on.aws",
    "amazonaws.com",
    "amazonaws.com.cn",
    "amazonaws.eu",
    "api.aws",
    "api.amazonwebservices.com.cn",
    "api.amazonwebservices.eu",
)


def is_aws_name(name: str) -> bool:
    """Say whether a host name belongs to AWS rather than to the owner.

    Args:
        name: A host name, in any case, with or without the final dot.

    Returns:
        True for names at or below a domain of AWS endpoints.
    """
    bare = name.lower().rstrip(".")
    return any(bare == domain or bare.endswith(f".{domain}") for domain in _AWS_DOMAINS)
