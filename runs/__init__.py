"""What a run is: events, journal, folder, state, playback. Never imports torch or textual."""
