"""The captioner itself: what it looks at, the words it has, and the network between them."""
