"""Commands, thin: arguments in, one verb of a wing or of ``benchmarks``, one line out.

How commands fail and write files is said once, in ``plain``. What is longer than reading arguments
and printing belongs to the verb's module; nothing imports a command.
"""
