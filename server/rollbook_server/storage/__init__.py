"""The only place with SQL: one file, one writer thread, a journal that is never rewritten and what follows from it."""
