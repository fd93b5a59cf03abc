"""Checkpoints in stores that are not disks, over real servers on loopback."""
