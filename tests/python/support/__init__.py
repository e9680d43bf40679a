"""What the tests of the op table share."""
