"""A rater's way: the door, consent, screening, calibration, sessions, votes, and their pages.

How a rater is led and what they say is kept live here; which page is due is decided here alone.
Neither ``study.desk`` nor ``study.analysis`` may be imported, nor a method named: that is how
raters, and the code that leads them, stay blind.
"""
