"""Numbers that templates write by themselves are for machines (SVG, inputs): a point in every language.

What people read goes through the filters of `ores`, which separate digits as the reader's language does.
"""
