"""Where people and AWS meet hotsite: settings are read and adapters picked here."""
