"""The only package of the tui that imports `babytrain.engine`; an import contract in `pyproject.toml` holds it to that.

- `client.py`: `EngineClient` makes training sessions (new run, resume, fork, rerun) and loads saved models.
- `engine_thread.py`: `TrainingSession`, and the thread in which its engine works.
- `validation.py`: what can be set, and what is wrong with settings that were typed, before anything starts.
- `model_access.py`: a saved model and how a run reads prompts, for `sample`, `chat` and the chat screen.
- `chat_backend.py`, `live_chat_backend.py`, `checkpoint_chat_backend.py`: what answers the chat screen.
- `run_sources.py`: where a shown run comes from: a live engine, a recording, or the journal of another process.
- `errors.py`: failures as sentences.

Torch is imported inside functions that run in a worker thread or in a command without a screen, so the first screen is
painted before torch is loaded.
"""
