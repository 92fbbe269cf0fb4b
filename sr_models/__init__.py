"""Super-resolution methods as functions from a low-resolution to a high-resolution image.

Networks, feature networks, weights, training and the one table of methods live here. No image set,
no published figure and no Django may: a method is of use without any of them.
"""

SCALE = 4
"""Every method of this package enlarges by this factor in both directions."""
