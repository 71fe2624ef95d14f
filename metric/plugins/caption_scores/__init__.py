"""The folder that `evaluate.load(PATH)` of Hugging Face takes. evaluate asks that folder and module have one name."""
