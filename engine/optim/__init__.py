"""Optimizers: Muon and AdamW."""
