"""What was decided, as text and JSON.  Renders; decides nothing."""
