"""What is computed from votes and kept."""

from __future__ import annotations


def forget(study_id: int) -> None:
    """founder's"""
