"""What every Lambda worker of a local Region gets on its path; see sitecustomize."""
