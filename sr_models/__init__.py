"""Super-resolution methods as functions from a low-resolution to a high-resolution image.

Knows networks, weights and training; knows no benchmark set and no Django.
"""

SCALE = 4
"""Every method of this package enlarges by this factor in both directions."""
