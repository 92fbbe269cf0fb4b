"""Rating studies: people, their votes, and what the votes say. A Django project and app in one.

Two wings, ``rating`` for raters and ``desk`` for researchers, stand on ``site``, ``models`` and the
pure ``plan`` and ``analysis``. At the top lies only what Django looks for there. docs/house.md
draws the floors, and import contracts in pyproject.toml keep them.
"""
