"""What the evidence says of a lane, and what it may do tomorrow. Pure."""
