"""The dashboard: shows reports through floors 0 and 1 only; computes nothing that a report does not hold."""
