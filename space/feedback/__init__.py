"""What visitors leave: which products were shown and opened, kept on the Hub."""
