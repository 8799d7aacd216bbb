"""hep_mount on the real services: FUSE, S3 servers, keys that end."""
