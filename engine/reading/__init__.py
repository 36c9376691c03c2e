"""What a text says about the model that wrote it: copied or its own, words or noise, verse or not. No torch."""
