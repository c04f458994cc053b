"""Read, decide, act, record: through ports only."""
