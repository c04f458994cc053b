"""The companion app's files, and the server that shows them on this machine."""
