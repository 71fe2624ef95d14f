"""What `captioner data` shows of a data set: counts, a contact sheet."""
