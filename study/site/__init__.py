"""What both wings stand on: who may see what, languages, headers, sign-in sessions, error pages.

A room is here if raters' pages and researchers' pages both need it. Nothing here may know how a
rating goes or what a researcher does with it: neither wing can be imported.
"""
