"""Judging what is reported: each command becomes journal entries, or is refused. Pure, given a `Book` to look in."""
