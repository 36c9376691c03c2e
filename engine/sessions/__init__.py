"""Sessions of training: new runs, resumes, forks and reruns, from the settings to the result."""
