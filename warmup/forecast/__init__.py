"""What will happen: plan, pacing and judgement run forward in counts. Pure."""
