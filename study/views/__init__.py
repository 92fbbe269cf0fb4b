"""The pages: one module for raters, one for researchers."""
