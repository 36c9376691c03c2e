"""What a model has learned, found out while it trains: letters, copies, words, poems, and what happened first."""
