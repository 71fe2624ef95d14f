"""The embedded default: a world of captioned pictures, drawn by seed, whose truth is known exactly."""
