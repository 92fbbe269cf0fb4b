"""Training of the networks: photographs in, weights and a log of figures out.

Runs on a CPU or one GPU with nothing but torch, numpy, Pillow, safetensors and tqdm; imports no
Django. ``python -m sr_models.training --help`` tells how.
"""
