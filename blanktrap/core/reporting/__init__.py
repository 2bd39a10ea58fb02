"""What an evaluation says: the contract of a report, its tables, its words and its pages."""
