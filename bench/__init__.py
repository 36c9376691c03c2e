"""Every claim of the README about speed, judgement and robustness is a script here: `python -m bench.GROUP.NAME`."""
