"""What both wings stand on: who may see what, languages, headers, sign-in sessions, error pages.

A room is here if a rater's page and a researcher's page both need it. Nothing here knows how a
rating goes or what a researcher does with it: neither wing is imported.
"""
