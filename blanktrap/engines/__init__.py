"""Floor 3: what runs on Ray."""
