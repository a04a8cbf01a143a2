"""The lab's arithmetic: what is simulated, on which data, by which rules, and what came of it. Pure, and in doubles."""
