"""The sets of nodes that a recipe can be written for, one a file, each with one constant `TARGET`."""
