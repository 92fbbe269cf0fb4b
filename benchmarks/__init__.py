"""Image sets, the degradation, outputs of methods, image quality measures and published figures.

Knows files and ``sr_models``; knows no Django and no raters.
"""
