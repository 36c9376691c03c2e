"""How often the judges are right: diagnosis, forecasts, memorisation, syllables."""
