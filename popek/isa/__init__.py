"""From syntax trees to the frozen IR: names resolved, functions inlined, every width a number."""
