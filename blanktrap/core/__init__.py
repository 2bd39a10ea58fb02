"""Floor 0: the words, the contracts and pure arithmetic. Touches no disk, no network, no engine."""
