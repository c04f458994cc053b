"""The reference device: one agent, or a fleet of them in one process."""
