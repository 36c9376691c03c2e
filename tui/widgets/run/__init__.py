"""Widgets of the run screen: header, health lines, dials, log, playback bar."""
