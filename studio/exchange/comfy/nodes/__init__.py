"""The kinds of nodes that are known, a group a file: adding a node is adding a line or a file with `NODES` here."""
