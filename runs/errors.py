"""The one exception of the ground floor."""


class RunsError(Exception):
    """Something about runs on disk that a person has to know: one sentence that says what to do."""
