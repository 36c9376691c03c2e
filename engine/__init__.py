"""The middle floor: corpus, model, optimizer, training loop, telemetry and sampling. Never imports textual or rich."""
