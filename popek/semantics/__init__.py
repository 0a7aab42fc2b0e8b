"""The meaning of an Isa: written once over an algebra, read over ints and over terms."""
