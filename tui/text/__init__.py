"""Texts of the screen: formatting, wording, styled lines."""
