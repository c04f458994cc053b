"""One port each, no decisions; vendor errors become ours."""
