"""Every speed claim of the README is a script here; run them as `python -m bench.GROUP.NAME`."""
