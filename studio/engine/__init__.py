"""The chain: load, adapt, encode, sample, decode; and where it runs (inline, or in a worker process)."""
