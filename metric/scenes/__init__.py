"""The embedded world: captioned pictures that are drawn by seed. The truth about each picture is known exactly."""
