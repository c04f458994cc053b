"""One construct per noun; what they share comes in as ``SiteInputs``."""
