"""How often diagnosis, forecasts, memorisation and syllable counts are right."""
