"""Separating media by decision: what is planned, done, resumed and undone."""
