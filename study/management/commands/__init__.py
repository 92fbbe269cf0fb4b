"""One module a command, under the name by which it is called."""
