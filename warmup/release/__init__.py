"""What may go now, and why not. Pure: lanes, candidates and ``now`` in, releases and waits out."""
