"""Programs, enrollments, grid signals, opt-outs; knows no protocol."""
