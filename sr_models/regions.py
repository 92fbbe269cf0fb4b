"""Parts of networks that a compiler may take one by one, and the same part only once.

A network compiled as a whole is unrolled: sixteen equal blocks are sixteen times the work, and
the first update waits for a minute. A region is compiled by itself; all instances of its class
share the code, so that one compilation serves every block of the same shapes.
"""

from __future__ import annotations

from torch import nn


class Region(nn.Module):
    """A module that is compiled by itself where a network is compiled by regions."""
