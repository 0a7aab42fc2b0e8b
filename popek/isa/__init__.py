"""tree -> Isa."""
