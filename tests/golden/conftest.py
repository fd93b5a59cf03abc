"""The modules here are scripts: importing them would set up jax, and some need an old Orbax."""

collect_ignore_glob = ["*.py"]
