"""What `captioner caption` is made of: blocks of the input, captions of a block, the journal, the formats."""
