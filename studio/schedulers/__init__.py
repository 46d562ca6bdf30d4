"""Samplers, which say how a step removes noise, and noise schedules, which say how the noise levels are spread."""
