"""From ratings to numbers, tables and figures; pure functions of pandas data, without a database.

Ratings come as a table with one row a rating: ``rater``, ``set``, ``image``, ``method`` (texts),
``score`` (1, 2, 3, 4 or 5) and ``simulated`` (whether the rater is a program). No Django, no files
of image sets and nothing of the rest of ``study`` may be imported, so that anybody's ratings can be
analysed and every figure computed again.
"""
