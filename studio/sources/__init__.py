"""Where pictures come from: one file a source, each holds a `SOURCE`."""
