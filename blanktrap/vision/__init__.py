"""Floor 2: pixels and the network: decoding, checkpoints, the engine-free scorer, training. No Ray."""
