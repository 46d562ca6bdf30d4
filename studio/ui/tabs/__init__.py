"""One file a tab; each holds a `TAB`."""
