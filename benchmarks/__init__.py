"""Image sets, the degradation, outputs of methods, image quality measures and published figures.

All that is known of files lives here: what is in a set, what a method made of it and how good that
is. No Django and no raters may: images are made and measured on machines that serve nobody.
"""
