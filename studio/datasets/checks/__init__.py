"""What may be wrong with a set: one file a check, each holds a `CHECK`."""
