"""Training of the networks: photographs in, weights and a log of figures out.

Runs on a CPU or one GPU with nothing but torch, numpy, Pillow, safetensors and tqdm; imports no
Django. ``python -m sr_models.training --help`` tells how.
"""

import time

BEGAN = time.monotonic()
"""When this package was first imported: before PyTorch, whose import is part of a budget."""
