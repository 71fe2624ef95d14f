"""A pretend accelerator, and what is run on it. It changes torch, so its tests have a process of their own."""
