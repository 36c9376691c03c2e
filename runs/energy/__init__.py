"""Energy of a run: joules from readings, tariffs, bills, forecasts, comparisons."""
