"""The parts of benchmarks.jitter_replay: networks, speech, receivers, scores."""
