"""Results, reports and charts as HTML: pure functions in which every value is escaped."""
