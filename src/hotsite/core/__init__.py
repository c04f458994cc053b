"""Values and decisions; pure: time and randomness are arguments."""
